/** The sprig functions that read the machine on which a package is installed. */
const ENVIRONMENT_FUNCTIONS = new Set(["env", "expandenv", "getHostByName"]);
const WORD_MAX_BYTES = Math.max(...[...ENVIRONMENT_FUNCTIONS].map((name) => name.length));

const OPEN = 0x7b;
const CLOSE = 0x7d;
const DOUBLE_QUOTE = 0x22;
const SINGLE_QUOTE = 0x27;
const BACKTICK = 0x60;
const BACKSLASH = 0x5c;
const SLASH = 0x2f;
const STAR = 0x2a;
const NEWLINE = 0x0a;
const DOT = 0x2e;
const DOLLAR = 0x24;

/** Identifiers of Go: letters, digits, `_`. Every byte of a non-ASCII letter counts. */
const IS_WORD_BYTE = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x80 || /[A-Za-z0-9_]/.test(String.fromCharCode(byte)) ? 1 : 0,
);

type ScanState = "text" | "action" | "word" | "quoted" | "raw" | "comment";

/**
 * Searches for calls of `env`, `expandenv` and `getHostByName` between `{{` and `}}`, by the
 * lexical rules of Go's text/template: a word after a `.` or `$` is a field or a variable, and
 * strings and comments contain no calls.
 *
 * It works on a stream and remembers one word, so it finds calls across the border of two chunks.
 * It ignores bytes after the first `maxBytes`.
 */
export class TemplateScan {
  #state: ScanState = "text";
  #previous = 0;
  #quote = 0;
  #escaped = false;
  #word = "";
  #leftBytes: number;
  readonly #found = new Set<string>();

  constructor(maxBytes: number) {
    this.#leftBytes = maxBytes;
  }

  /** The functions that were called so far, in the order of their first call. */
  get found(): readonly string[] {
    return [...this.#found];
  }

  push(received: Uint8Array): void {
    const piece = received.subarray(0, this.#leftBytes);
    this.#leftBytes -= piece.length;
    let at = 0;
    while (at < piece.length) {
      if (this.#state === "text" && this.#previous !== OPEN) {
        at = piece.indexOf(OPEN, at);
        if (at === -1) return;
      }
      if (this.#state === "word") {
        at = this.#wordBytes(piece, at);
      } else {
        this.#step(piece[at] ?? 0);
        at += 1;
      }
    }
  }

  /**
   * Reads to the end of a word and returns the position after it. A word is complete only when a
   * byte follows it.
   */
  #wordBytes(piece: Uint8Array, from: number): number {
    let end = from;
    while (end < piece.length && IS_WORD_BYTE[piece[end] ?? 0] === 1) end += 1;
    // One byte more than the longest name is enough to know that a word is none of the functions.
    const missing = WORD_MAX_BYTES + 1 - this.#word.length;
    for (let at = from; at < Math.min(end, from + missing); at++) this.#word += String.fromCharCode(piece[at] ?? 0);
    if (end < piece.length) {
      if (ENVIRONMENT_FUNCTIONS.has(this.#word)) this.#found.add(this.#word);
      this.#enter("action");
    }
    return end;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "text":
        if (byte === OPEN && this.#previous === OPEN) this.#enter("action");
        else this.#previous = byte;
        return;
      case "quoted":
        this.#quotedByte(byte);
        return;
      case "raw":
        if (byte === BACKTICK) this.#enter("action");
        return;
      case "comment":
        if (byte === SLASH && this.#previous === STAR) this.#enter("action");
        else this.#previous = byte;
        return;
      case "action":
        this.#actionByte(byte);
    }
  }

  #actionByte(byte: number): void {
    const previous = this.#previous;
    this.#previous = byte;
    if (byte === CLOSE && previous === CLOSE) this.#enter("text");
    else if (byte === STAR && previous === SLASH) this.#enter("comment");
    else if (byte === BACKTICK) this.#enter("raw");
    else if (byte === DOUBLE_QUOTE || byte === SINGLE_QUOTE) {
      this.#quote = byte;
      this.#escaped = false;
      this.#enter("quoted");
    } else if (IS_WORD_BYTE[byte] === 1) {
      // The first byte marks a field or variable; such a word never equals the name of a function.
      this.#word = previous === DOT || previous === DOLLAR ? "." : "";
      this.#word += String.fromCharCode(byte);
      this.#state = "word";
    }
  }

  #quotedByte(byte: number): void {
    // A string does not span lines. Go refuses such a template, and this scan must still read what
    // follows.
    if (byte === NEWLINE || (byte === this.#quote && !this.#escaped)) this.#enter("action");
    else this.#escaped = byte === BACKSLASH && !this.#escaped;
  }

  #enter(state: ScanState): void {
    this.#state = state;
    this.#previous = 0;
  }
}
