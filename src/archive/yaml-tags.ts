import type { YamlCursor } from "./yaml-cursor.ts";
import { YamlSyntaxError } from "./yaml-fault.ts";

const BANG = 0x21;
const HASH = 0x23;
const PERCENT = 0x25;
const DOT = 0x2e;
const LESS = 0x3c;
const GREATER = 0x3e;
const NAME = /^[\w-]$/;
const URI = /^[\w;/?:@&=+$,.!~*'()[\]-]$/;
/** Characters other than blanks and line breaks that may follow the name of an anchor. */
const AFTER_ANCHOR = new Set(Array.from("?:,]}%@`", (char) => char.charCodeAt(0)));
const VERSION_DIGITS_MAX = 2;

/** A tag before its handle is resolved. `<…>` gives an empty handle. */
export interface ScannedTag {
  readonly handle: string;
  readonly suffix: string;
}

/** A line with % at its start. */
export type Directive =
  | { readonly name: "YAML"; readonly version: string }
  | { readonly name: "TAG"; readonly handle: string; readonly prefix: string };

/** Reads the name of an anchor or alias, behind & or *. */
export function scanAnchor(cursor: YamlCursor): string {
  const { line } = cursor;
  cursor.skip();
  const name = takeWhile(cursor, NAME);
  if (name === "" || !(cursor.isBlankOrEnd() || AFTER_ANCHOR.has(cursor.at()))) {
    throw new YamlSyntaxError(line, "a name of letters and digits must follow & or *: quote it if it is text");
  }
  return name;
}

/** Reads a tag: `!name`, `!!name`, `!handle!name`, `!<uri>` or `!` alone. */
export function scanTag(cursor: YamlCursor): ScannedTag {
  const { line } = cursor;
  const tag = cursor.at(1) === LESS ? scanVerbatim(cursor) : scanShorthand(cursor);
  if (!cursor.isBlankOrEnd()) throw new YamlSyntaxError(line, "a blank must follow a tag: quote it if it is text");
  return tag;
}

function scanVerbatim(cursor: YamlCursor): ScannedTag {
  const { line } = cursor;
  cursor.skip();
  cursor.skip();
  const suffix = scanUri(cursor, "");
  if (cursor.at() !== GREATER) throw new YamlSyntaxError(line, "a tag has no closing >");
  cursor.skip();
  return { handle: "", suffix };
}

function scanShorthand(cursor: YamlCursor): ScannedTag {
  const handle = scanHandle(cursor);
  if (handle.length > 1 && handle.endsWith("!")) return { handle, suffix: scanUri(cursor, "") };
  const suffix = scanUri(cursor, handle);
  return suffix === "" ? { handle: "", suffix: "!" } : { handle: "!", suffix };
}

function scanHandle(cursor: YamlCursor): string {
  if (cursor.at() !== BANG) throw new YamlSyntaxError(cursor.line, "a tag must begin with !");
  const start = cursor.position;
  cursor.skip();
  takeWhile(cursor, NAME);
  if (cursor.at() === BANG) cursor.skip();
  return cursor.textFrom(start);
}

/** Reads the URI of a tag. `head` is a handle whose name is the beginning of the URI. */
function scanUri(cursor: YamlCursor, head: string): string {
  const { line, position } = cursor;
  let uri = head.slice(1);
  for (;;) {
    uri += takeWhile(cursor, URI);
    if (cursor.at() !== PERCENT) break;
    uri += scanUriEscapes(cursor);
  }
  if (head === "" && cursor.position === position) throw new YamlSyntaxError(line, "a tag has no name");
  return uri;
}

function scanUriEscapes(cursor: YamlCursor): string {
  const bytes: number[] = [];
  while (cursor.at() === PERCENT) {
    const digits = String.fromCharCode(cursor.at(1), cursor.at(2));
    if (!/^[0-9a-f]{2}$/i.test(digits)) throw new YamlSyntaxError(cursor.line, "a tag has a broken escape");
    bytes.push(Number.parseInt(digits, 16));
    for (let at = 0; at < 3; at += 1) cursor.skip();
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(new Uint8Array(bytes));
  } catch {
    throw new YamlSyntaxError(cursor.line, "a tag has an escape that is not UTF-8");
  }
}

/** Reads a directive up to the end of its line. */
export function scanDirective(cursor: YamlCursor): Directive {
  const { line } = cursor;
  cursor.skip();
  const name = takeWhile(cursor, NAME);
  if (!cursor.isBlankOrEnd() || (name !== "YAML" && name !== "TAG")) {
    throw directiveError(line, "a line begins with %: quote it if it is text");
  }
  skipBlanks(cursor);
  const directive: Directive =
    name === "YAML" ? { name, version: scanVersion(cursor) } : { name, ...scanTagDirective(cursor) };
  skipBlanks(cursor);
  if (cursor.at() === HASH) cursor.skipLine();
  if (!cursor.isBreakOrEnd()) throw directiveError(line, "text follows a directive on its line: remove it");
  cursor.skipBreak();
  return directive;
}

function scanVersion(cursor: YamlCursor): string {
  const major = scanVersionNumber(cursor);
  if (cursor.at() !== DOT) throw directiveError(cursor.line, "%YAML must name a version such as 1.1");
  cursor.skip();
  return `${major}.${scanVersionNumber(cursor)}`;
}

function scanVersionNumber(cursor: YamlCursor): number {
  const digits = takeWhile(cursor, /^\d$/);
  if (digits === "" || digits.length > VERSION_DIGITS_MAX) {
    throw directiveError(cursor.line, "%YAML must name a version such as 1.1");
  }
  return Number(digits);
}

function scanTagDirective(cursor: YamlCursor): { readonly handle: string; readonly prefix: string } {
  const { line } = cursor;
  const handle = scanHandle(cursor);
  if ((handle !== "!" && !handle.endsWith("!")) || !cursor.isBlank()) {
    throw directiveError(line, "%TAG must name a handle such as !e! and a prefix");
  }
  skipBlanks(cursor);
  const prefix = scanUri(cursor, "");
  if (!cursor.isBlankOrEnd()) throw directiveError(line, "%TAG must name a handle such as !e! and a prefix");
  return { handle, prefix };
}

function skipBlanks(cursor: YamlCursor): void {
  while (cursor.isBlank()) cursor.skip();
}

function takeWhile(cursor: YamlCursor, characters: RegExp): string {
  const start = cursor.position;
  while (characters.test(String.fromCharCode(cursor.at()))) cursor.skip();
  return cursor.textFrom(start);
}

function directiveError(line: number, message: string): YamlSyntaxError {
  return new YamlSyntaxError(line, message, "yaml_directive");
}
