import { checkPublicKey, checkSignature, equationHolds } from "../../src/signing/ed25519.ts";

/** The whole of `cpm-strict` for any message, by the three steps of `verifyArchiveSignature`, which takes only archives. */
export function verifyStrictly(keyBytes: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = checkPublicKey(keyBytes);
  if ("refused" in key || checkSignature(signature) !== undefined) return false;
  return equationHolds(key, message, signature);
}
