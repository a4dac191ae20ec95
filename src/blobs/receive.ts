import { createHash } from "node:crypto";
import { closeSync, open, write } from "node:fs";
import { promisify } from "node:util";
import { failure } from "../errors.ts";
import { UsedBuffers } from "./buffer-release.ts";
import { discardFile, storageFailure, temporaryPath } from "./incoming.ts";
import type { ReceivedFile } from "./store.ts";
import { finishDigest } from "./verify.ts";

/**
 * Small chunks are gathered into one write of this size, because system calls dominate the cost of
 * an upload.
 */
const WRITE_BYTES = 32 * 1024;
const MODE = 0o640;
const openFile = promisify(open);
const writeSome = promisify(write);

/**
 * Streams bytes into a new file in `directory` and hashes them. It takes constant memory and does
 * not sync the file. It takes ownership of the chunks and releases their memory.
 *
 * Throws `payload_too_large` as soon as more than `maxBytes` have come, and `storage_full`. Then it
 * leaves no file.
 */
export async function receiveFile(
  chunks: AsyncIterable<Uint8Array>,
  directory: string,
  maxBytes: number,
  purpose: "upload" | "download" = "upload",
): Promise<ReceivedFile> {
  const path = temporaryPath(directory, purpose);
  try {
    return await receiveAll(chunks, path, maxBytes);
  } catch (cause) {
    await discardFile(path);
    throw storageFailure(cause);
  }
}

async function receiveAll(chunks: AsyncIterable<Uint8Array>, path: string, maxBytes: number): Promise<ReceivedFile> {
  const hash = createHash("sha256");
  const used = new UsedBuffers();
  const file = new NewFile(path);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > maxBytes) throw failure({ code: "payload_too_large", what: "The archive", limitBytes: maxBytes });
      hash.update(chunk);
      await file.write(chunk);
      used.use(chunk);
    }
    // The last buffer is not released: busboy may still need what follows the file in it.
    return { path, size, digest: finishDigest(hash), bytes: await file.end() };
  } finally {
    await file.close();
  }
}

/**
 * Creates a file while its bytes come, and buffers small chunks. It holds no chunk after `write`
 * has returned.
 */
class NewFile {
  readonly #opened: Promise<number>;
  /** Not zeroed, because zeroing it would be the largest single cost of a small upload. */
  readonly #block = Buffer.allocUnsafeSlow(WRITE_BYTES);
  #filled = 0;
  #isSmall = true;

  constructor(path: string) {
    this.#opened = openFile(path, "wx", MODE);
    // A failure before the first write must not be an unhandled rejection. The first write throws
    // it.
    this.#opened.catch(() => undefined);
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#filled + chunk.length > WRITE_BYTES) await this.#flush();
    if (chunk.length >= WRITE_BYTES) return this.#writeAll(chunk);
    this.#block.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  /** Writes the buffered rest. Returns the content of the file if it fits into one block. */
  async end(): Promise<Uint8Array | undefined> {
    const whole = this.#isSmall ? this.#block.subarray(0, this.#filled) : undefined;
    await this.#flush();
    return whole;
  }

  /**
   * Closes the file in this thread. Without a sync, closing takes less time than a round trip to
   * the thread pool.
   */
  async close(): Promise<void> {
    const descriptor = await this.#opened.catch(() => undefined);
    if (descriptor !== undefined) closeSync(descriptor);
  }

  async #flush(): Promise<void> {
    const filled = this.#filled;
    this.#filled = 0;
    if (filled > 0) await this.#writeAll(this.#block.subarray(0, filled));
    else await this.#opened;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    this.#isSmall = false;
    const descriptor = await this.#opened;
    for (let at = 0; at < bytes.length; ) at += (await writeSome(descriptor, bytes, at)).bytesWritten;
  }
}
