import { createHash } from "node:crypto";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";

/** Returns the digest of an archive in memory. */
export function sha256Of(bytes: Uint8Array): Sha256Digest {
  const digest = parseDigest(createHash("sha256").update(bytes).digest("hex"));
  if (digest === undefined) throw new Error("A SHA-256 digest has 64 hexadecimal characters");
  return digest;
}
