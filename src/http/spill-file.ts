import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";

const FILE_MAX_BYTES = 1024 ** 3;
/** Few documents are larger than this. Those are read into a new buffer. */
const SCRATCH_BYTES = 64 * 1024;

/**
 * A ring buffer in an unnamed file, for cached bytes that may be lost. New bytes overwrite the
 * oldest ones, and the file ends with the process. Reads and writes are synchronous: they go to the
 * page cache, which is faster than waiting for the event loop.
 */
export class SpillFile {
  readonly #fd: number;
  #end = 0;
  #isReleased = false;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  /** Throws if the file cannot be created. */
  constructor(
    readonly path: string,
    readonly maxBytes = FILE_MAX_BYTES,
  ) {
    // An existing file belongs to another process. Its bytes must not become responses of this one.
    this.#fd = openSync(path, "wx+", 0o600);
    // Without a name nobody else opens the file, and nothing is left behind however this process
    // ends. Windows keeps the name until `close`.
    rmSync(path, { force: true });
  }

  /**
   * Writes bytes and returns their offset, counted from the first byte that was ever written.
   * Returns undefined if the bytes do not fit into the file, or if the disk is full. On a full disk
   * the file is released.
   */
  write(bytes: Uint8Array): number | undefined {
    const size = bytes.length;
    if (size > this.maxBytes || this.#isReleased) return undefined;
    const left = this.maxBytes - (this.#end % this.maxBytes);
    const start = left < size ? this.#end + left : this.#end;
    // Advances before the write, because a write that fails may have overwritten old bytes too.
    this.#end = start + size;
    try {
      if (writeSync(this.#fd, bytes, 0, size, start % this.maxBytes) === size) return start;
    } catch {
      // The same as a short write: the disk is full.
    }
    this.release();
    return undefined;
  }

  /** Frees the disk space for others. After that every read misses and every write is refused. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    ftruncateSync(this.#fd, 0);
  }

  /** Returns bytes that are valid until the next call. Undefined if newer bytes overwrote them. */
  read(start: number, size: number): Uint8Array<ArrayBuffer> | undefined {
    if (start < this.#end - this.maxBytes) return undefined;
    const bytes = size > SCRATCH_BYTES ? new Uint8Array(size) : this.#scratch.subarray(0, size);
    try {
      return readSync(this.#fd, bytes, 0, size, start % this.maxBytes) === size ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  /** Closes the file and removes its name where the name is still there. */
  close(): void {
    closeSync(this.#fd);
    rmSync(this.path, { force: true });
  }
}
