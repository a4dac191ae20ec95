/**
 * Characters that a terminal acts on or does not show: C0, C1 and DEL, bidi controls, zero-width
 * and other format characters, line and paragraph separators, blank fillers, lone surrogates.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u2065\u3164\uffa0\u{e0000}-\u{e007f}]|\u034f/gu;

/**
 * Makes text from outside safe for a terminal: unprintable characters become `\u{…}` escapes, line
 * ends too, so that a value cannot start a new line.
 */
export function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * Does the same as `escapeUnprintable`, but keeps the line ends of a text of several lines, and the
 * tabs between the cells of its rows.
 */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeUnprintable);
}

/** Formats a value as JSON without unprintable characters. Parsing it gives the same value. */
export function printableJson(value: unknown, indent?: number): string {
  // Inside strings `JSON.stringify` has escaped line ends, so those that are left are its own.
  return JSON.stringify(value, null, indent).replace(UNPRINTABLE, (character) =>
    character === "\n" ? character : character.replace(/./gs, escapeUnit),
  );
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
