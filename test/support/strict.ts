import {
  checkPublicKey,
  checkSignature,
  equationHolds,
  equationHoldsAsync,
  hasSmallOrder,
} from "../../src/signing/ed25519.ts";

/** Verifies a signature of any message by the three steps of `cpm-strict`. */
export function verifyStrictly(keyBytes: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = checkPublicKey(keyBytes);
  if ("refused" in key || checkSignature(signature) !== undefined) return false;
  return equationHolds(key, message, signature);
}

/** Verifies as a publish and an audit of a log do, for signatures of 64 bytes. */
export async function verifyAside(keyBytes: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const key = checkPublicKey(keyBytes);
  if ("refused" in key || signature.length !== 64 || hasSmallOrder(signature)) return false;
  return equationHoldsAsync(key, message, signature);
}
