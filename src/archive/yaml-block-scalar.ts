import type { YamlCursor } from "./yaml-cursor.ts";
import { YamlSyntaxError } from "./yaml-fault.ts";

const TAB = 0x09;
const SPACE = 0x20;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

/** What happens to the line breaks at the end: all are kept, all are removed, or one is kept. */
type Chomping = "keep" | "strip" | "clip";

interface Header {
  readonly chomping: Chomping;
  /** The indentation as written, relative to the parent; 0 if the first line decides. */
  readonly increment: number;
}

/** Reads a literal (`|`) or folded (`>`) scalar below a parent at the column `parentIndent`. */
export function scanBlockScalar(cursor: YamlCursor, isLiteral: boolean, parentIndent: number): string {
  const { chomping, increment } = scanHeader(cursor);
  const start = increment > 0 ? Math.max(parentIndent, 0) + increment : 0;
  const { indent, breaks } = scanBreaks(cursor, start, parentIndent);
  let text = "";
  let lineBreak = "";
  let moreBreaks = breaks;
  let isIndented = false;
  while (cursor.column === indent && !cursor.isEnd()) {
    const isFolded = !isLiteral && !isIndented && !cursor.isBlank() && lineBreak.startsWith("\n");
    if (!isFolded) text += lineBreak;
    else if (moreBreaks === "") text += " ";
    text += moreBreaks;
    isIndented = cursor.isBlank();
    const lineStart = cursor.position;
    cursor.skipLine();
    text += cursor.textFrom(lineStart);
    lineBreak = cursor.takeBreak();
    moreBreaks = scanBreaks(cursor, indent, parentIndent).breaks;
  }
  if (chomping !== "strip") text += lineBreak;
  return chomping === "keep" ? text + moreBreaks : text;
}

function scanHeader(cursor: YamlCursor): Header {
  const startLine = cursor.line;
  cursor.skip();
  let chomping = scanChomping(cursor);
  const increment = scanIncrement(cursor);
  chomping ??= increment > 0 ? scanChomping(cursor) : undefined;
  while (cursor.isBlank()) cursor.skip();
  if (cursor.at() === HASH) cursor.skipLine();
  if (!cursor.isBreakOrEnd()) {
    throw new YamlSyntaxError(startLine, "text follows | or > on the same line: begin it on the next line");
  }
  cursor.skipBreak();
  return { chomping: chomping ?? "clip", increment };
}

function scanChomping(cursor: YamlCursor): Chomping | undefined {
  const byte = cursor.at();
  if (byte !== PLUS && byte !== MINUS) return undefined;
  cursor.skip();
  return byte === PLUS ? "keep" : "strip";
}

function scanIncrement(cursor: YamlCursor): number {
  const byte = cursor.at();
  if (byte < ZERO || byte > NINE) return 0;
  if (byte === ZERO) throw new YamlSyntaxError(cursor.line, "an indentation of 0 follows | or >: remove it");
  cursor.skip();
  return byte - ZERO;
}

/**
 * Reads empty lines. Without an `indent`, the deepest of them and the line after them decide it.
 */
function scanBreaks(
  cursor: YamlCursor,
  indent: number,
  parentIndent: number,
): { readonly indent: number; readonly breaks: string } {
  let deepest = 0;
  let breaks = "";
  for (;;) {
    while ((indent === 0 || cursor.column < indent) && cursor.at() === SPACE) cursor.skip();
    deepest = Math.max(deepest, cursor.column);
    if ((indent === 0 || cursor.column < indent) && cursor.at() === TAB) {
      throw new YamlSyntaxError(cursor.line, "a tab indents the text: use spaces");
    }
    if (!cursor.isBreak()) break;
    breaks += cursor.takeBreak();
  }
  return { indent: indent === 0 ? Math.max(deepest, parentIndent + 1, 1) : indent, breaks };
}
