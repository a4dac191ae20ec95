import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

const CHUNK_BYTES = 64 * 1024;
const LINE_END = 0x0a;

/**
 * A file that grows by whole lines. What an earlier run wrote is continued: a line that was cut is
 * removed, and the last whole one is read.
 */
export class EventFile {
  readonly #fd: number;
  readonly lastLine: string | undefined;

  /** Throws if the file cannot be opened or read. */
  constructor(path: string) {
    this.#fd = openSync(path, "a+", 0o600);
    const { size } = fstatSync(this.#fd);
    const end = this.#lineEndBefore(size);
    if (end < size) ftruncateSync(this.#fd, end);
    const start = this.#lineEndBefore(end - 1);
    this.lastLine = end === 0 ? undefined : this.#read(start, end - 1 - start).toString("utf8");
  }

  #read(start: number, length: number): Buffer {
    const bytes = Buffer.alloc(Math.max(0, length));
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(this.#fd, bytes, done, bytes.length - done, start + done);
      if (count === 0) throw new Error("A file of events became shorter while it was read");
      done += count;
    }
    return bytes;
  }

  /** Returns the offset after the last line end before `offset`; 0 if there is none. */
  #lineEndBefore(offset: number): number {
    for (let end = offset; end > 0; ) {
      const start = Math.max(0, end - CHUNK_BYTES);
      const at = this.#read(start, end - start).lastIndexOf(LINE_END);
      if (at >= 0) return start + at + 1;
      end = start;
    }
    return 0;
  }

  /** Appends a text that ends with a line end. */
  write(text: string): void {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
  }

  close(): void {
    closeSync(this.#fd);
  }
}
