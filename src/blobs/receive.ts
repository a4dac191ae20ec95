import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { failure } from "../errors.ts";
import { discardFile, storageFailure, temporaryPath } from "./incoming.ts";
import type { KnownBlob, ReceivedFile } from "./store.ts";
import { finish } from "./verify.ts";

/** Small chunks are written together: one system call for each would be most of the cost of an upload. */
const WRITE_BYTES = 256 * 1024;

/**
 * Streams bytes into a new file in `directory`, hashing them on the way. Memory stays flat; the file is not synced.
 * Throws `payload_too_large` as soon as more than `maxBytes` came, and `storage_full`; then no file is left.
 */
export async function receiveFile(
  chunks: AsyncIterable<Uint8Array>,
  directory: string,
  maxBytes: number,
  purpose: "upload" | "download" = "upload",
): Promise<ReceivedFile> {
  const path = temporaryPath(directory, purpose);
  try {
    const handle = await open(path, "wx", 0o640);
    try {
      const { size, digest } = await writeAll(chunks, (bytes) => handle.appendFile(bytes), maxBytes);
      return { path, size, digest };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    await discardFile(path);
    throw storageFailure(cause);
  }
}

async function writeAll(
  chunks: AsyncIterable<Uint8Array>,
  write: (bytes: Uint8Array) => Promise<unknown>,
  maxBytes: number,
): Promise<KnownBlob> {
  const hash = createHash("sha256");
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let size = 0;
  const flush = async () => {
    await write(waiting.length === 1 && waiting[0] !== undefined ? waiting[0] : Buffer.concat(waiting, waitingBytes));
    waiting.length = 0;
    waitingBytes = 0;
  };
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw failure({ code: "payload_too_large", what: "The archive", limitBytes: maxBytes });
    hash.update(chunk);
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes >= WRITE_BYTES) await flush();
  }
  if (waitingBytes > 0) await flush();
  return { size, digest: finish(hash) };
}
