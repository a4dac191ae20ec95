import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { diskFault } from "./disk-fault.ts";

/** Smaller pieces take longer to read, larger ones more memory. */
const PIECE_BYTES = 256 * 1024;

/** What was read of a file so far is not its beginning any more, or the rest will not come. */
class PartialFileFault extends Error {
  override readonly name = "PartialFileFault";
}

/** A file that grows while it is received, with the hash of what is in it. */
export class PartialFile {
  #hash: Hash = createHash("sha256");
  #length = 0;
  #clearings = 0;
  #state: "growing" | "whole" | "abandoned" = "growing";
  #wake: () => void = () => undefined;

  private constructor(
    readonly path: string,
    readonly descriptor: number,
  ) {}

  /** Opens a file, and hashes what an earlier download left in it. */
  static async open(path: string): Promise<PartialFile> {
    const partial = new PartialFile(path, openSync(path, "a+", 0o600));
    if (fstatSync(partial.descriptor).size > 0) {
      for await (const piece of Bun.file(path).stream()) partial.#count(piece);
    }
    return partial;
  }

  get length(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Whether everything is there. */
  get isFinished(): boolean {
    return this.#state === "whole";
  }

  /** How often the file was begun anew. What was read before that is of no use. */
  get clearings(): number {
    return this.#clearings;
  }

  /** Appends a piece. A full disk leaves nothing: more of the file would not help anybody. */
  append(piece: Uint8Array): void {
    try {
      for (let at = 0; at < piece.length; ) at += writeSync(this.descriptor, piece, at);
    } catch (cause) {
      this.clear();
      throw diskFault(cause);
    }
    this.#count(piece);
    this.#wake();
  }

  /** Removes what is in the file. */
  clear(): void {
    ftruncateSync(this.descriptor, 0);
    this.#hash = createHash("sha256");
    this.#length = 0;
    this.#clearings += 1;
    this.#wake();
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Ends the file for its reader: nothing is missing, and the digest is right. */
  finish(): void {
    this.#state = "whole";
    this.#wake();
  }

  /** Closes the file. A reader of a file that was not finished gets a `PartialFileFault`. */
  close(): void {
    if (this.#state === "growing") this.#state = "abandoned";
    closeSync(this.descriptor);
    this.#wake();
  }

  /**
   * Reads the file from its beginning while it grows, until it is finished. Only one reader at a
   * time may wait. Throws `PartialFileFault` if the file is cleared or given up before its end.
   */
  async *follow(): AsyncGenerator<Uint8Array, void, void> {
    const begun = this.#clearings;
    const descriptor = openSync(this.path, "r");
    try {
      for (let at = 0; ; ) {
        if (this.#clearings !== begun || this.#state === "abandoned") throw new PartialFileFault();
        const bytes = Math.min(this.#length - at, PIECE_BYTES);
        if (bytes > 0) {
          const piece = Buffer.allocUnsafeSlow(bytes);
          const read = readSync(descriptor, piece, 0, bytes, at);
          if (read === 0) throw new PartialFileFault();
          at += read;
          yield piece.subarray(0, read);
        } else if (this.#state === "whole") return;
        else await this.#changed();
      }
    } finally {
      closeSync(descriptor);
    }
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #count(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#length += piece.length;
  }
}
