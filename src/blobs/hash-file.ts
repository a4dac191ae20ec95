import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Sha256Digest } from "../domain/digest.ts";
import { errorCode, Failure, failure } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { type FileStamp, stampFrom } from "./file-stamp.ts";
import { storageFailure } from "./incoming.ts";
import type { KnownBlob } from "./store.ts";
import { finishDigest } from "./verify.ts";

/** Little enough that hashing one chunk does not hold the event loop noticeably. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Converts the error of a read of a blob's file: `blob_unreadable` if the disk fails at the file,
 * and else what `storageFailure` says. A missing file is no failure: check `ENOENT` before.
 */
export function readFailure(cause: unknown, digest: Sha256Digest): unknown {
  if (cause instanceof Failure) return cause;
  const kind = faultCode(errorCode(cause))?.kind;
  if (kind === "broken" || kind === "damaged") return failure({ code: "blob_unreadable", digest }, cause);
  return storageFailure(cause);
}

/**
 * Returns the real digest and size of a blob's file, and its stamp from before it was read. Chunks
 * are read by the thread pool into one buffer, and other requests run between them. Returns
 * undefined if there is no file. Throws what `readFailure` makes of an error.
 */
export async function hashFile(
  path: string,
  digest: Sha256Digest,
): Promise<(KnownBlob & { readonly stamp: FileStamp }) | undefined> {
  try {
    await using file = await open(path);
    const stamp = stampFrom(await file.stat());
    const hash = createHash("sha256");
    // One byte more than a small file, so that its first read comes short at the end.
    const chunk = Buffer.allocUnsafeSlow(Math.min(stamp.size + 1, CHUNK_BYTES));
    let size = 0;
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, size);
      hash.update(chunk.subarray(0, bytesRead));
      size += bytesRead;
      const isEnd = bytesRead === 0 || (bytesRead < chunk.length && size >= stamp.size);
      if (isEnd) return { digest: finishDigest(hash), size, stamp };
    }
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw readFailure(cause, digest);
  }
}
