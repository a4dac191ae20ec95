import { printableJson, printableLines } from "./printable.ts";

/* The only way to the standard output and standard error of a command. */

const STYLES = { red: 31, green: 32, yellow: 33 } as const;
const DEFAULT_COLOR = "\u001b[39m";

/** What of a text gets which colour. Patterns have the flag `g`. */
export type Highlights = readonly (readonly [pattern: RegExp, style: keyof typeof STYLES])[];

const NOTHING: Highlights = [];
const isColored = { stdout: false, stderr: false };

/** Allows colours on the two streams. Without this call there are none. */
export function allowColors(allowed: { readonly stdout: boolean; readonly stderr: boolean }): void {
  Object.assign(isColored, allowed);
}

/** The text has no control characters any more, so that the only ones are those of the colours. */
function painted(text: string, highlights: Highlights): string {
  let result = printableLines(text);
  for (const [pattern, style] of highlights)
    result = result.replace(pattern, (found) => `\u001b[${STYLES[style]}m${found}${DEFAULT_COLOR}`);
  return result;
}

/** Prints the output of a command. */
export function print(text: string, highlights: Highlights = NOTHING): void {
  console.log(painted(text, isColored.stdout ? highlights : NOTHING));
}

/** Prints a document for programs. */
export function printJson(value: unknown, indent?: number): void {
  console.log(printableJson(value, indent));
}

/** Prints a message for the operator on standard error. */
export function printError(text: string, highlights: Highlights = NOTHING): void {
  const shown = painted(text, isColored.stderr ? highlights : NOTHING);
  // At a terminal, console.error paints everything red. Into a pipe, only it writes all of a long
  // text before the process ends.
  if (process.stderr.isTTY === true) process.stderr.write(`${shown}\n`);
  else console.error(shown);
}
