import type { ArchiveWarning } from "./archive-warning.ts";

/** Collects a file of the archive in memory as text, if it is small enough. */
export class TextFile {
  readonly #path: string;
  readonly #sizeBytes: number;
  readonly #maxBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #collectedBytes = 0;

  /** `sizeBytes` is the size of the file. A file larger than `maxBytes` is not collected. */
  constructor(path: string, sizeBytes: number, maxBytes: number) {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#maxBytes = maxBytes;
  }

  push(piece: Uint8Array): void {
    if (this.#sizeBytes > this.#maxBytes) return;
    this.#pieces.push(piece.slice());
    this.#collectedBytes += piece.length;
  }

  /** The whole file; `undefined` if it is too large or was not read to its end. */
  get bytes(): Uint8Array | undefined {
    if (this.#sizeBytes > this.#maxBytes || this.#collectedBytes !== this.#sizeBytes) return undefined;
    return Buffer.concat(this.#pieces);
  }

  /**
   * The file as text without a byte order mark; `undefined` if it is too large or not UTF-8. A file
   * with a NUL, which Postgres cannot store, counts as binary.
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

  /** The warning if the file has no text; undefined if it has. */
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
