import { printError, printJson } from "../runtime/print.ts";

/** Tells why a command changed nothing, with `json` as a document too. Returns the exit code 1. */
export function reportRefusal(command: string, reason: string, json: boolean): number {
  if (json) printJson({ changed: false, refused: reason });
  printError(`cpm-registry ${command} failed: ${reason}`);
  return 1;
}
