import { createHash } from "node:crypto";
import { type Fault, failure } from "../errors.ts";
import {
  checkPublicKey,
  checkSignature,
  equationHolds,
  equationHoldsAsync,
  hasSmallOrder,
  type PublicKey,
} from "./ed25519.ts";
import { decodeStrictly, toBase64, toHex } from "./encoding.ts";
import { SIGNATURE_SCHEMES, type SignatureScheme, type SignedArchive, signedMessage } from "./statement.ts";

/** The signature texts that a publisher sent with an archive. */
export interface SignatureFields {
  readonly signature: string;
  readonly publicKey: string;
  /** If undefined, the schemes are tried in the order of `SIGNATURE_SCHEMES`. */
  readonly scheme: SignatureScheme | undefined;
}

/** A verified signature, in the spelling that this registry stores. */
export interface VerifiedSignature {
  readonly scheme: SignatureScheme;
  /** Lower-case hex. */
  readonly publicKey: string;
  readonly keyId: string;
  /** Base64. */
  readonly signature: string;
}

const KEY_ID_LENGTH = 32;
/** Up to this length, hashing a message costs less than handing it to another thread. */
const SHORT_MAX_BYTES = 65_536;

/**
 * Returns the id of a key for lists and paths: the first 16 bytes of the SHA-256 of its 32 bytes,
 * in hex.
 */
export function keyIdOf(publicKeyHex: string): string {
  return createHash("sha256").update(publicKeyHex, "hex").digest("hex").slice(0, KEY_ID_LENGTH);
}

function readKey(text: string, faults: Fault[]): PublicKey | undefined {
  const bytes = decodeStrictly(text, 32);
  if (bytes === undefined) {
    faults.push({ path: "/publicKey", message: "must be 32 bytes as hex, base64 or base64url" });
    return undefined;
  }
  const key = checkPublicKey(bytes);
  if (!("refused" in key)) return key;
  faults.push({ path: "/publicKey", message: key.refused });
  return undefined;
}

function decodeSignature(text: string, faults: Fault[]): Uint8Array | undefined {
  const bytes = decodeStrictly(text, 64);
  if (bytes !== undefined) return bytes;
  faults.push({ path: "/signature", message: "must be 64 bytes as hex, base64 or base64url" });
  return undefined;
}

/** Checks the equation. The thread pool hashes a long message, which would hold the event loop. */
async function holds(key: PublicKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const isShort = message.length <= SHORT_MAX_BYTES;
  return isShort ? equationHolds(key, message, signature) : equationHoldsAsync(key, message, signature);
}

/**
 * Verifies a publisher's signature over an archive by `cpm-strict`, and returns it with the scheme
 * that matched. It calls `readArchive` only if it tries the scheme `ed25519-archive`. Throws
 * `signature_invalid`.
 */
export async function verifyArchiveSignature(
  fields: SignatureFields,
  archive: SignedArchive,
  readArchive: () => Promise<Uint8Array>,
): Promise<VerifiedSignature> {
  const faults: Fault[] = [];
  const key = readKey(fields.publicKey, faults);
  const signature = decodeSignature(fields.signature, faults);
  if (key !== undefined && signature !== undefined && !hasSmallOrder(signature)) {
    for (const scheme of fields.scheme === undefined ? SIGNATURE_SCHEMES : [fields.scheme]) {
      if (!(await holds(key, await signedMessage(scheme, archive, readArchive), signature))) continue;
      const publicKey = toHex(key);
      return { scheme, publicKey, keyId: keyIdOf(publicKey), signature: toBase64(signature) };
    }
  }
  // The slow check of the signature only explains the failure: a signature for which the equation
  // holds would pass it.
  const refusal = signature && checkSignature(signature);
  if (refusal !== undefined) faults.push({ path: "/signature", message: refusal.refused });
  if (faults.length > 0) throw failure({ code: "signature_invalid", faults });
  const signed = fields.scheme ?? "any known scheme";
  const message = `does not match this key over ${archive.name} ${archive.version}, sha256 ${archive.digest}, ${archive.size} bytes (${signed})`;
  throw failure({ code: "signature_invalid", faults: [{ path: "/signature", message }] });
}
