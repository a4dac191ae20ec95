import { createHash } from "node:crypto";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { failure } from "../errors.ts";
import { UsedBuffers } from "./buffer-release.ts";
import type { ByteRange, KnownBlob } from "./store.ts";

/**
 * Returns the digest and the size of a stream. It takes ownership of the chunks and releases their
 * memory, which Bun would free late (buffer-release.ts). Do not use a chunk afterwards.
 */
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
  return { digest: finishDigest(hash), size };
}

/** Returns the digest of everything that a hash has been updated with. */
export function finishDigest(hash: ReturnType<typeof createHash>): Sha256Digest {
  const digest = parseDigest(hash.digest("hex"));
  if (digest === undefined) throw new Error("A SHA-256 digest has 64 hexadecimal characters");
  return digest;
}

/**
 * Returns a range of `bytes`, or all of them. Throws `blob_corrupt` unless `bytes` have the blob's
 * size and digest.
 */
export function verifiedPart(
  bytes: Uint8Array<ArrayBuffer>,
  { digest, size }: KnownBlob,
  range: ByteRange | undefined,
): Uint8Array<ArrayBuffer> {
  const isIntact = bytes.length === size && finishDigest(createHash("sha256").update(bytes)) === digest;
  if (!isIntact) throw failure({ code: "blob_corrupt", digest });
  return range === undefined ? bytes : bytes.subarray(range.first, range.last + 1);
}
