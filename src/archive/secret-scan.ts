import { SECRET_CANDIDATES_MAX, SECRETS_MAX } from "../domain/limits.ts";
import {
  SECRET_BEHIND_BYTES,
  SECRET_FORMS,
  SECRET_MAX_BYTES,
  type SecretForm,
  type SecretKind,
} from "./secret-patterns.ts";

/** The place of a secret. The secret itself is not stored. */
export interface FoundSecret {
  readonly path: string;
  /** The line of its first character, counted from 1. */
  readonly line: number;
  readonly kind: SecretKind;
}

interface Hit {
  readonly at: number;
  readonly kind: SecretKind;
}

/**
 * How many bytes are searched in one step. It is small, because the event loop waits for each step.
 */
const WINDOW_BYTES = 16_384;
const NEWLINE = 0x0a;

const STARTS: readonly { readonly start: Buffer; readonly form: SecretForm }[] = SECRET_FORMS.flatMap((form) =>
  form.starts.map((start) => ({ start: Buffer.from(start, "latin1"), form })),
);

/**
 * Searches the files of an archive for secrets, one after the other, pushed in pieces of any size.
 * Files go through one window. A position in it is decided when everything that could belong to a
 * secret there has arrived, so borders between pieces change nothing.
 *
 * A fast search for the starts of secrets comes first, because up to 128 MiB are searched.
 */
export class SecretScan {
  readonly found: FoundSecret[] = [];
  /** The number of secrets that are not listed because there are more than `SECRETS_MAX`. */
  leftOut = 0;
  /**
   * Allocated for the first file that comes in pieces. Most files come whole and are searched in
   * place.
   */
  #window: Buffer | undefined;
  /** The bytes that are searched: the window, or a whole file. */
  #bytes: Buffer = Buffer.alloc(0);
  #path = "";
  #sizeBytes = 0;
  #filled = 0;
  #decided = 0;
  #line = 1;
  #candidatesLeft = SECRET_CANDIDATES_MAX;

  /** True if the archive had so many starts of secrets that the search was given up. */
  get gaveUp(): boolean {
    return this.#candidatesLeft === 0;
  }

  fileStart(path: string, sizeBytes: number): void {
    this.#path = path;
    this.#sizeBytes = sizeBytes;
    this.#filled = 0;
    this.#decided = 0;
    this.#line = 1;
  }

  push(piece: Uint8Array): void {
    if (this.gaveUp) return;
    if (this.#filled === 0 && piece.length === this.#sizeBytes && piece.length <= WINDOW_BYTES) {
      this.#bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
      this.#filled = piece.length;
      this.#decide(piece.length);
      return;
    }
    this.#window ??= Buffer.allocUnsafeSlow(WINDOW_BYTES);
    this.#bytes = this.#window;
    for (let at = 0; at < piece.length && !this.gaveUp; ) {
      const part = piece.subarray(at, at + WINDOW_BYTES - this.#filled);
      this.#bytes.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === WINDOW_BYTES) this.#moveOn();
    }
  }

  fileEnd(): void {
    if (!this.gaveUp && this.#decided < this.#filled) this.#decide(this.#filled);
  }

  /** Decides the positions that can be decided and makes room after the rest. */
  #moveOn(): void {
    const until = this.#filled - SECRET_MAX_BYTES;
    this.#decide(until);
    const kept = until - SECRET_BEHIND_BYTES;
    this.#bytes.copyWithin(0, kept, this.#filled);
    this.#filled -= kept;
    this.#decided = SECRET_BEHIND_BYTES;
  }

  #decide(until: number): void {
    for (const { at, kind } of this.#hits(until).sort((a, b) => a.at - b.at)) {
      this.#countLines(at);
      if (this.found.length < SECRETS_MAX) this.found.push({ path: this.#path, line: this.#line, kind });
      else this.leftOut += 1;
    }
    this.#countLines(until);
  }

  #hits(until: number): Hit[] {
    const bytes = this.#bytes.subarray(0, this.#filled);
    const hits: Hit[] = [];
    let text: string | undefined;
    for (const { start, form } of STARTS) {
      for (let at = bytes.indexOf(start, this.#decided); at !== -1 && at < until; at = bytes.indexOf(start, at + 1)) {
        if (this.gaveUp) return hits;
        this.#candidatesLeft -= 1;
        text ??= bytes.toString("latin1");
        if (isSecret(form, text, at)) hits.push({ at, kind: form.kind });
      }
    }
    return hits;
  }

  #countLines(until: number): void {
    let lines = 0;
    for (let at = this.#decided; at < until; at += 1) lines += this.#bytes[at] === NEWLINE ? 1 : 0;
    this.#line += lines;
    this.#decided = until;
  }
}

function isSecret({ form, isReal }: SecretForm, text: string, at: number): boolean {
  form.lastIndex = at;
  const evidence = form.exec(text)?.[1];
  return evidence !== undefined && isReal(evidence);
}
