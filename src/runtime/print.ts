import { printableJson, printableLines } from "./printable.ts";

/* The only way to the standard output and standard error of a command. */

/** Prints the output of a command. */
export function print(text: string): void {
  console.log(printableLines(text));
}

/** Prints a document for programs. */
export function printJson(value: unknown, indent?: number): void {
  console.log(printableJson(value, indent));
}

/** Prints a message for the operator on standard error. */
export function printError(text: string): void {
  console.error(printableLines(text));
}
