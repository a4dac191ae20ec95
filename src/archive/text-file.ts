import type { ArchiveWarning } from "./archive-warning.ts";

/** A file of the archive that is kept in memory as text, when it is small enough. */
export class TextFile {
  readonly #path: string;
  readonly #sizeBytes: number;
  readonly #maxBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #keptBytes = 0;

  /** `sizeBytes` is the file's size; nothing is kept of a file larger than `maxBytes`. */
  constructor(path: string, sizeBytes: number, maxBytes: number) {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#maxBytes = maxBytes;
  }

  push(piece: Uint8Array): void {
    if (this.#sizeBytes > this.#maxBytes) return;
    this.#pieces.push(piece.slice());
    this.#keptBytes += piece.length;
  }

  /** The whole file; `undefined` when it is too large or did not end. */
  get bytes(): Uint8Array | undefined {
    if (this.#sizeBytes > this.#maxBytes || this.#keptBytes !== this.#sizeBytes) return undefined;
    return Buffer.concat(this.#pieces);
  }

  /**
   * The file as text without a byte order mark; `undefined` when it is too large or not UTF-8. A NUL, which Postgres
   * cannot store, makes it binary.
   */
  get text(): string | undefined {
    const bytes = this.bytes;
    if (bytes === undefined) return undefined;
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      return text.includes("\0") ? undefined : text;
    } catch {
      return undefined;
    }
  }

  /** Why there is no text, when there is none. */
  get warning(): ArchiveWarning | undefined {
    const path = this.#path;
    if (this.#sizeBytes > this.#maxBytes) {
      return {
        code: "text_too_large",
        message: `${path} is larger than ${this.#maxBytes} bytes and is not shown`,
        path,
      };
    }
    if (this.text === undefined)
      return { code: "text_not_utf8", message: `${path} is not text in UTF-8 and is not shown`, path };
    return undefined;
  }
}
