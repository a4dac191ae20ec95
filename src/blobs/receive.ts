import { createHash } from "node:crypto";
import { closeSync, open, write } from "node:fs";
import { promisify } from "node:util";
import { failure } from "../errors.ts";
import { UsedBuffers } from "./buffer-release.ts";
import { discardFile, storageFailure, temporaryPath } from "./incoming.ts";
import type { ReceivedFile } from "./store.ts";
import { finish } from "./verify.ts";

/** Small chunks are written together: one system call for each would be most of the cost of an upload. */
const WRITE_BYTES = 32 * 1024;
const MODE = 0o640;
const openFile = promisify(open);
const writeSome = promisify(write);

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
    return await writeAll(chunks, path, maxBytes);
  } catch (cause) {
    await discardFile(path);
    throw storageFailure(cause);
  }
}

async function writeAll(chunks: AsyncIterable<Uint8Array>, path: string, maxBytes: number): Promise<ReceivedFile> {
  const hash = createHash("sha256");
  const used = new UsedBuffers();
  const file = new NewFile(path);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > maxBytes) throw failure({ code: "payload_too_large", what: "The archive", limitBytes: maxBytes });
      hash.update(chunk);
      await file.take(chunk);
      used.use(chunk);
    }
    // The last buffer is not given back: busboy may hold on to what follows the file in it.
    return { path, size, digest: finish(hash), bytes: await file.end() };
  } finally {
    await file.close();
  }
}

/**
 * A new file. It is made while its bytes come, and small chunks are written together. Keeps no chunk when `take` is done.
 */
class NewFile {
  readonly #opened: Promise<number>;
  /** Not zeroed: of every upload, that would be the largest single cost. */
  readonly #block = Buffer.allocUnsafeSlow(WRITE_BYTES);
  #filled = 0;
  #isSmall = true;

  constructor(path: string) {
    this.#opened = openFile(path, "wx", MODE);
    // Nobody may have asked yet when it fails.
    this.#opened.catch(() => undefined);
  }

  async take(chunk: Uint8Array): Promise<void> {
    if (this.#filled + chunk.length > WRITE_BYTES) await this.#flush();
    if (chunk.length >= WRITE_BYTES) return this.#write(chunk);
    this.#block.set(chunk, this.#filled);
    this.#filled += chunk.length;
  }

  /** Writes what is left. Returns all that was taken, where that is little. */
  async end(): Promise<Uint8Array | undefined> {
    const whole = this.#isSmall ? this.#block.subarray(0, this.#filled) : undefined;
    await this.#flush();
    return whole;
  }

  /** Closing what nobody syncs takes a microsecond, and handing it to another thread more. */
  async close(): Promise<void> {
    const descriptor = await this.#opened.catch(() => undefined);
    if (descriptor !== undefined) closeSync(descriptor);
  }

  async #flush(): Promise<void> {
    const filled = this.#filled;
    this.#filled = 0;
    if (filled > 0) await this.#write(this.#block.subarray(0, filled));
    else await this.#opened;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    this.#isSmall = false;
    const descriptor = await this.#opened;
    for (let at = 0; at < bytes.length; ) at += (await writeSome(descriptor, bytes, at)).bytesWritten;
  }
}
