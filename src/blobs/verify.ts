import { createHash } from "node:crypto";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { failure } from "../errors.ts";
import { UsedBuffers } from "./buffer-release.ts";
import type { ByteRange, KnownBlob } from "./store.ts";

/** The digest and the number of bytes that were given. The chunks belong to it: they are gone afterwards. */
export async function hashChunks(chunks: AsyncIterable<Uint8Array>): Promise<KnownBlob> {
  const hash = createHash("sha256");
  const used = new UsedBuffers();
  let size = 0;
  for await (const chunk of chunks) {
    hash.update(chunk);
    size += chunk.length;
    used.use(chunk);
  }
  used.release();
  return { digest: finish(hash), size };
}

/** The digest of what was hashed. */
export function finish(hash: ReturnType<typeof createHash>): Sha256Digest {
  const digest = parseDigest(hash.digest("hex"));
  if (digest === undefined) throw new Error("SHA-256 did not give 64 hexadecimal characters");
  return digest;
}

/** The bytes of a range, or all of them. Throws `blob_corrupt` unless `bytes` are the blob. */
export function verifiedPart(
  bytes: Uint8Array<ArrayBuffer>,
  { digest, size }: KnownBlob,
  range: ByteRange | undefined,
): Uint8Array<ArrayBuffer> {
  const isRight = bytes.length === size && finish(createHash("sha256").update(bytes)) === digest;
  if (!isRight) throw failure({ code: "blob_corrupt", digest });
  return range === undefined ? bytes : bytes.subarray(range.first, range.last + 1);
}
