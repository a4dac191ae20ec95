import { printable } from "./archive-fault.ts";
import type { YamlCursor } from "./yaml-cursor.ts";
import { YamlSyntaxError } from "./yaml-fault.ts";

const TAB = 0x09;
const HASH = 0x23;
const COLON = 0x3a;
const SINGLE_QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The characters , ? [ ] { } end a plain scalar inside of [] and {}. */
const FLOW_ENDS = new Set(Array.from(",?[]{}", (char) => char.charCodeAt(0)));

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["0", "\0"],
  ["a", "\x07"],
  ["b", "\b"],
  ["t", "\t"],
  ["\t", "\t"],
  ["n", "\n"],
  ["v", "\v"],
  ["f", "\f"],
  ["r", "\r"],
  ["e", "\x1b"],
  [" ", " "],
  ['"', '"'],
  ["'", "'"],
  ["\\", "\\"],
  ["N", "\u0085"],
  ["_", "\u00a0"],
  ["L", "\u2028"],
  ["P", "\u2029"],
]);
const ESCAPE_DIGITS: ReadonlyMap<string, number> = new Map([
  ["x", 2],
  ["u", 4],
  ["U", 8],
]);

/** The blanks and line breaks between two words of a scalar. A single break becomes a space. */
class Gap {
  #blanks = "";
  #first = "";
  #more = "";
  isBroken = false;

  /** Reads blanks and line breaks. No tab may stand on a later line before the column `indent`. */
  read(cursor: YamlCursor, indent: number): void {
    const start = cursor.position;
    if (!this.isBroken) {
      while (cursor.isBlank()) cursor.skip();
      this.#blanks = cursor.textFrom(start);
      if (!cursor.isBreak()) return;
      this.#first = cursor.takeBreak();
      this.isBroken = true;
    }
    while (cursor.isBlank() || cursor.isBreak()) {
      if (cursor.isBreak()) this.#more += cursor.takeBreak();
      else if (cursor.column < indent && cursor.at() === TAB) {
        throw new YamlSyntaxError(cursor.line, "a tab indents the text: use spaces");
      } else cursor.skip();
    }
  }

  /** Reads an escaped line break, which leaves no space. */
  readEscapedBreak(cursor: YamlCursor): void {
    cursor.skip();
    cursor.skipBreak();
    this.isBroken = true;
  }

  /** Returns the gap as text, and begins the next one. */
  take(): string {
    const lines = this.#first.startsWith("\n") ? this.#more || " " : this.#first + this.#more;
    const text = this.isBroken ? lines : this.#blanks;
    this.#blanks = "";
    this.#first = "";
    this.#more = "";
    this.isBroken = false;
    return text;
  }
}

/**
 * Reads a scalar without quotes. `indent` is the column that its further lines must reach outside
 * of [] and {}. `isBroken` says that line breaks were read after it.
 */
export function scanPlain(
  cursor: YamlCursor,
  indent: number,
  inFlow: boolean,
): { readonly text: string; readonly isBroken: boolean } {
  const gap = new Gap();
  let text = "";
  while (!cursor.isDocumentMark() && cursor.at() !== HASH) {
    const start = cursor.position;
    while (!cursor.isBlankOrEnd() && !endsPlain(cursor, inFlow)) cursor.skip();
    if (cursor.position > start) text += gap.take() + cursor.textFrom(start);
    if (!cursor.isBlank() && !cursor.isBreak()) break;
    gap.read(cursor, indent);
    if (!inFlow && cursor.column < indent) break;
  }
  return { text, isBroken: gap.isBroken };
}

function endsPlain(cursor: YamlCursor, inFlow: boolean): boolean {
  return (cursor.at() === COLON && cursor.isBlankOrEnd(1)) || (inFlow && FLOW_ENDS.has(cursor.at()));
}

/** Reads a scalar in single or double quotes. */
export function scanQuoted(cursor: YamlCursor): string {
  const startLine = cursor.line;
  const quote = cursor.at();
  const gap = new Gap();
  let text = "";
  cursor.skip();
  for (;;) {
    if (cursor.isDocumentMark())
      throw new YamlSyntaxError(
        startLine,
        "a quoted text contains --- or ... at the start of a line: close the quote before it, or indent the line",
      );
    if (cursor.isEnd()) throw new YamlSyntaxError(startLine, "a quoted text has no closing quote: add it");
    text += scanQuotedWord(cursor, quote, gap);
    if (cursor.at() === quote) break;
    gap.read(cursor, 0);
    text += gap.take();
  }
  cursor.skip();
  return text;
}

/** Reads up to a blank, a line break or the closing quote. */
function scanQuotedWord(cursor: YamlCursor, quote: number, gap: Gap): string {
  let text = "";
  let start = cursor.position;
  while (!cursor.isBlankOrEnd()) {
    const isEscape = quote === DOUBLE_QUOTE ? cursor.at() === BACKSLASH : isDoubledQuote(cursor);
    if (!isEscape && cursor.at() === quote) break;
    if (!isEscape) {
      cursor.skip();
      continue;
    }
    text += cursor.textFrom(start);
    if (quote === DOUBLE_QUOTE && cursor.isBreak(1)) {
      gap.readEscapedBreak(cursor);
      return text;
    }
    text += quote === DOUBLE_QUOTE ? scanEscape(cursor) : "'";
    if (quote === SINGLE_QUOTE) {
      cursor.skip();
      cursor.skip();
    }
    start = cursor.position;
  }
  return text + cursor.textFrom(start);
}

function isDoubledQuote(cursor: YamlCursor): boolean {
  return cursor.at() === SINGLE_QUOTE && cursor.at(1) === SINGLE_QUOTE;
}

function scanEscape(cursor: YamlCursor): string {
  const letter = String.fromCharCode(cursor.at(1));
  const simple = ESCAPES.get(letter);
  const digits = ESCAPE_DIGITS.get(letter);
  if (simple === undefined && digits === undefined) {
    throw new YamlSyntaxError(cursor.line, "a text in double quotes has an unknown escape: write \\\\ for a backslash");
  }
  cursor.skip();
  cursor.skip();
  return simple ?? scanCodePoint(cursor, digits ?? 0);
}

function scanCodePoint(cursor: YamlCursor, digits: number): string {
  const start = cursor.position - 2;
  let value = 0;
  for (let at = 0; at < digits; at += 1) {
    const digit = Number.parseInt(String.fromCharCode(cursor.at()), 16);
    if (Number.isNaN(digit)) throw new YamlSyntaxError(cursor.line, `an escape needs ${digits} hexadecimal digits`);
    value = value * 16 + digit;
    cursor.skip();
  }
  if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    const written = printable(cursor.textFrom(start));
    throw new YamlSyntaxError(cursor.line, `the escape ${written} is not a character: write the character itself`);
  }
  return String.fromCodePoint(value);
}
