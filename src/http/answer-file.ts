import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";

const FILE_MAX_BYTES = 1024 ** 3;

/** Where bytes are in the file. */
export interface Place {
  /** Counted from the first byte that was ever written: the file is a ring. */
  readonly start: number;
  readonly size: number;
}

/**
 * Bytes that may be lost, in a file that ends with the process: what is written last takes the room of what was written
 * first. Reads and writes go to the page cache, where a few kilobytes take some microseconds.
 */
export class AnswerFile {
  readonly #fd: number;
  #end = 0;

  /** Throws when the file cannot be made. */
  constructor(
    readonly path: string,
    readonly maxBytes = FILE_MAX_BYTES,
  ) {
    this.#fd = openSync(path, "w+", 0o600);
    // Nobody else opens it, and nothing is left behind however this process ends. Windows keeps it until `close`.
    rmSync(path, { force: true });
  }

  /** Undefined where the disk is full, or the bytes would be too many. */
  write(bytes: Uint8Array): Place | undefined {
    const size = bytes.length;
    if (size > this.maxBytes) return undefined;
    const left = this.maxBytes - (this.#end % this.maxBytes);
    const start = left < size ? this.#end + left : this.#end;
    // Before the write: also one that fails may have overwritten what was there.
    this.#end = start + size;
    try {
      return writeSync(this.#fd, bytes, 0, size, start % this.maxBytes) === size ? { start, size } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Undefined where something else was written there since. */
  read({ start, size }: Place): Uint8Array<ArrayBuffer> | undefined {
    if (start < this.#end - this.maxBytes) return undefined;
    const bytes = new Uint8Array(size);
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
