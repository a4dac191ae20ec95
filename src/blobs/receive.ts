import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { failure } from "../errors.ts";
import { UsedBuffers } from "../registry/used-buffers.ts";
import { discardFile, storageFailure, temporaryPath } from "./incoming.ts";
import type { KnownBlob, ReceivedFile } from "./store.ts";
import { finish } from "./verify.ts";

/** Small chunks are written together: one system call for each would be most of the cost of an upload. */
const WRITE_BYTES = 32 * 1024;

/**
 * Streams bytes into a new file in `directory`, hashing them on the way. Memory stays flat; the file is not synced. The
 * chunks belong to it: they are gone afterwards.
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
  const used = new UsedBuffers();
  const block = new SmallChunks(write);
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw failure({ code: "payload_too_large", what: "The archive", limitBytes: maxBytes });
    hash.update(chunk);
    await block.take(chunk);
    used.use(chunk);
  }
  await block.flush();
  // The last buffer is not given back: busboy may hold on to what follows the file in it.
  return { size, digest: finish(hash) };
}

/** Collects small chunks and writes them together. Keeps no chunk when `take` is done. */
class SmallChunks {
  readonly #block = new Uint8Array(WRITE_BYTES);
  #filled = 0;

  constructor(readonly write: (bytes: Uint8Array) => Promise<unknown>) {}

  async take(chunk: Uint8Array): Promise<void> {
    if (this.#filled + chunk.length > WRITE_BYTES) await this.flush();
    if (chunk.length >= WRITE_BYTES) return void (await this.write(chunk));
    this.#block.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  async flush(): Promise<void> {
    if (this.#filled > 0) await this.write(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
