/** No JSON that the registry reads has more than a handful of levels. */
export const JSON_DEPTH_MAX = 32;

/** JSON that is nested too deeply. It is a `SyntaxError`, like the errors of `JSON.parse`. */
export class JsonTooDeep extends SyntaxError {
  override readonly name = "JsonTooDeep";

  constructor() {
    super(`JSON is nested deeper than ${JSON_DEPTH_MAX} levels`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([..."[{"].map((mark) => mark.charCodeAt(0)));
const CLOSING = new Set([..."]}"].map((mark) => mark.charCodeAt(0)));

/** Returns the position after the string whose opening quote is at `from`. */
function stringEnd(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  return text.length;
}

/**
 * Parses JSON from outside: of a request, a file, or another registry. Schemas, comparisons and the
 * engine itself recurse into values, and deep nesting would exhaust their stack. So depth is
 * checked before parsing. Throws a `SyntaxError`, which may quote the text, or `JsonTooDeep`.
 */
export function parseJsonText(text: string, reviver?: (name: string, value: unknown) => unknown): unknown {
  let depth = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (OPENING.has(code)) depth += 1;
    else if (CLOSING.has(code)) depth -= 1;
    if (depth > JSON_DEPTH_MAX) throw new JsonTooDeep();
    at = code === QUOTE ? stringEnd(text, at) : at + 1;
  }
  return reviver === undefined ? JSON.parse(text) : JSON.parse(text, reviver);
}
