import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from "node:fs";

const FILE_MAX_BYTES = 1024 ** 3;
/** Few documents are larger, and these are read into memory of their own. */
const SCRATCH_BYTES = 64 * 1024;

/**
 * Bytes that may be lost, in a file that ends with the process: what is written last takes the room of what was written
 * first. Reads and writes go to the page cache, where a few kilobytes take some microseconds.
 */
export class AnswerFile {
  readonly #fd: number;
  #end = 0;
  #isGivenUp = false;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);

  /** Throws when the file cannot be made. */
  constructor(
    readonly path: string,
    readonly maxBytes = FILE_MAX_BYTES,
  ) {
    // A file that is there is somebody else's, whose bytes must not become answers of this process.
    this.#fd = openSync(path, "wx+", 0o600);
    // Nobody else opens it, and nothing is left behind however this process ends. Windows keeps it until `close`.
    rmSync(path, { force: true });
  }

  /**
   * Where the bytes are, counted from the first that was ever written: the file is a ring. Undefined where they are too
   * many, or the disk is full: then the file gives its room back, and takes nothing more.
   */
  write(bytes: Uint8Array): number | undefined {
    const size = bytes.length;
    if (size > this.maxBytes || this.#isGivenUp) return undefined;
    const left = this.maxBytes - (this.#end % this.maxBytes);
    const start = left < size ? this.#end + left : this.#end;
    // Before the write: also one that fails may have overwritten what was there.
    this.#end = start + size;
    try {
      if (writeSync(this.#fd, bytes, 0, size, start % this.maxBytes) === size) return start;
    } catch {
      // As a short write: there is no room for it.
    }
    this.giveUp();
    return undefined;
  }

  /** Gives its room back, and takes nothing more: others need it. What it had is read no more. */
  giveUp(): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    ftruncateSync(this.#fd, 0);
  }

  /** Undefined where something else was written there since. The bytes are good until the next call. */
  read(start: number, size: number): Uint8Array<ArrayBuffer> | undefined {
    if (start < this.#end - this.maxBytes) return undefined;
    const bytes = size > SCRATCH_BYTES ? new Uint8Array(size) : this.#scratch.subarray(0, size);
    try {
      return readSync(this.#fd, bytes, 0, size, start % this.maxBytes) === size ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  close(): void {
    closeSync(this.#fd);
    rmSync(this.path, { force: true });
  }
}
