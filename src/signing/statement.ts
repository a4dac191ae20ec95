import type { Sha256Digest } from "../domain/digest.ts";

/** The kinds of messages that a publisher may sign, the preferred one first. */
export const SIGNATURE_SCHEMES = ["cpm-v1", "ed25519-sha256", "ed25519-sha256-hex", "ed25519-archive"] as const;

/** One of the messages that a signature may cover. */
export type SignatureScheme = (typeof SIGNATURE_SCHEMES)[number];

/** The archive to which every scheme binds a signature. */
export interface SignedArchive {
  readonly name: string;
  readonly version: string;
  readonly digest: Sha256Digest;
  readonly size: number;
}

/**
 * Returns the statement of `cpm-v1`: ASCII, LF, a final LF. These exact bytes are signed; never
 * build them elsewhere.
 */
export function publishStatement({ name, version, digest, size }: SignedArchive): string {
  return `cpm-package-signature/v1\nname: ${name}\nversion: ${version}\nsha256: ${digest}\nsize: ${size}\n`;
}

/**
 * Returns the bytes that a scheme signs. `readArchive` is called for `ed25519-archive` only:
 * Ed25519 hashes the message twice, so this scheme needs the whole archive in memory.
 */
export async function signedMessage(
  scheme: SignatureScheme,
  archive: SignedArchive,
  readArchive: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  switch (scheme) {
    case "cpm-v1":
      return Buffer.from(publishStatement(archive), "ascii");
    case "ed25519-sha256":
      return Buffer.from(archive.digest, "hex");
    case "ed25519-sha256-hex":
      return Buffer.from(archive.digest, "ascii");
    case "ed25519-archive":
      return readArchive();
  }
}
