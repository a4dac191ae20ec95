declare const brand: unique symbol;

/**
 * A SHA-256 digest as 64 lower-case hexadecimal characters: the name of a blob and a line of a
 * statement.
 */
export type Sha256Digest = string & { readonly [brand]: "Sha256Digest" };

const SHA256_HEX = /^[0-9a-f]{64}$/;

/**
 * Parses a digest. Upper case, a prefix such as `sha256:` or any other length gives `undefined`.
 */
export function parseDigest(text: string): Sha256Digest | undefined {
  return isDigest(text) ? text : undefined;
}

function isDigest(text: string): text is Sha256Digest {
  return SHA256_HEX.test(text);
}
