import { createHash } from "node:crypto";
import { open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, failure } from "../errors.ts";
import { parseDigest } from "../registry/digest.ts";
import { storageFailure } from "./file-store.ts";
import type { ReceivedFile } from "./store.ts";

/** Small chunks are written together: one system call for each would be most of the cost of an upload. */
const WRITE_BYTES = 256 * 1024;

/**
 * Streams bytes into a new file in `directory`, hashing them on the way, and syncs the file. Memory stays flat.
 * Throws `payload_too_large` as soon as more than `maxBytes` came, and `storage_full`; then no file is left.
 */
export async function receiveFile(
  chunks: AsyncIterable<Uint8Array>,
  directory: string,
  maxBytes: number,
): Promise<ReceivedFile> {
  const path = join(directory, `upload-${crypto.randomUUID()}`);
  try {
    const handle = await open(path, "wx", 0o640);
    try {
      const { size, digest } = await writeAll(chunks, (bytes) => handle.appendFile(bytes), maxBytes);
      await handle.sync();
      return { path, size, digest };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    await discardReceived(path);
    throw storageFailure(cause);
  }
}

async function writeAll(
  chunks: AsyncIterable<Uint8Array>,
  write: (bytes: Uint8Array) => Promise<unknown>,
  maxBytes: number,
): Promise<Omit<ReceivedFile, "path">> {
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
  const digest = parseDigest(hash.digest("hex"));
  if (digest === undefined) throw new Error("SHA-256 did not give 64 hexadecimal characters");
  return { size, digest };
}

/** Removes a received file; one that is gone already is fine. */
export async function discardReceived(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
  }
}
