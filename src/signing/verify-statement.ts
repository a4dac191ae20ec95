import { type Fault, failure } from "../errors.ts";
import { checkPublicKey, checkSignature, equationHolds, type PublicKey } from "./ed25519.ts";
import { decodeStrictly, toHex } from "./encoding.ts";

/**
 * Reads a public key by `cpm-strict` and returns it as lower-case hex. Throws `signature_invalid`
 * at `path`.
 */
export function readPublicKey(text: string, path: string): string {
  const bytes = decodeStrictly(text.trim(), 32);
  const key = bytes === undefined ? undefined : checkPublicKey(bytes);
  if (key !== undefined && !("refused" in key)) return toHex(key);
  const message = key === undefined ? "must be 32 bytes as hex, base64 or base64url" : key.refused;
  throw failure({ code: "signature_invalid", faults: [{ path, message }] });
}

function decodeSignature(text: string, path: string): Uint8Array {
  const bytes = decodeStrictly(text.trim(), 64);
  const message = bytes === undefined ? "must be 64 bytes as hex, base64 or base64url" : checkSignature(bytes)?.refused;
  if (bytes !== undefined && message === undefined) return bytes;
  throw failure({ code: "signature_invalid", faults: [{ path, message: message ?? "" }] });
}

function keyOf(publicKey: string): PublicKey {
  const key = checkPublicKey(new Uint8Array(Buffer.from(publicKey, "hex")));
  if ("refused" in key) throw new Error("A stored key is not a key of cpm-strict");
  return key;
}

/** A valid signature and the key that made it. */
export interface StatementSignature {
  /** Lower-case hex. */
  readonly publicKey: string;
  readonly signature: Uint8Array;
}

/**
 * Verifies a signature over a statement by `cpm-strict` and returns the key that made it, one of
 * `keys` in lower-case hex. Throws `signature_invalid` at `path`, with the statement to sign, if it
 * is valid under none of them.
 */
export function verifyStatement(
  statement: string,
  signatureText: string,
  keys: readonly string[],
  path: string,
): StatementSignature {
  const signature = decodeSignature(signatureText, path);
  const bytes = Buffer.from(statement, "utf8");
  const publicKey = keys.find((key) => equationHolds(keyOf(key), bytes, signature));
  if (publicKey !== undefined) return { publicKey, signature };
  const fault: Fault = { path, message: `does not match: sign exactly ${JSON.stringify(statement)}` };
  throw failure({ code: "signature_invalid", faults: [fault] });
}
