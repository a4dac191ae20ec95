import { ClientFault, type ClientProblem, clientFault, EXIT_CODES } from "../client/client-fault.ts";
import { type Highlights, printError, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import type { Command } from "./command.ts";
import { UsageError } from "./usage.ts";

const LINES_MAX = 20;
const FAILED: Highlights = [[/^cpm-registry [a-z -]+ failed:/g, "red"]];

/**
 * Prints why a command failed, for a wrong command line and for commands of clients. With `json`
 * the reason is a document on standard output too. Returns the exit code, or undefined for failures
 * that are not explained here.
 */
export function explainToUser(cause: unknown, command: Command | undefined, json: boolean): number | undefined {
  if (cause instanceof UsageError) return explainUsage(cause, command, json);
  const fault = faultOf(cause, command);
  if (fault === undefined) return undefined;
  if (json) printJson({ error: fault.problem });
  // The user's own no is no failure of the command.
  if (fault.problem.code === "client_declined") printError(faultText(fault.problem));
  else printError(`cpm-registry ${command?.name} failed: ${faultText(fault.problem)}`, FAILED);
  return fault.exitCode;
}

function explainUsage({ message, topic }: UsageError, command: Command | undefined, json: boolean): number {
  const about = topic ?? command?.name;
  const text = `${message}\nSee: cpm-registry ${about === undefined ? "help" : `${about} --help`}`;
  if (json) printJson({ error: { code: "client_usage", detail: message } });
  printError(text);
  return EXIT_CODES.usage;
}

/** What the system refuses a client, such as a full disk, is expected too. */
function faultOf(cause: unknown, command: Command | undefined): ClientFault | undefined {
  if (cause instanceof ClientFault) return cause;
  if (command?.isClient !== true || !(cause instanceof Error)) return undefined;
  const code = "code" in cause && "syscall" in cause ? String(cause.code) : undefined;
  if (code === undefined) return undefined;
  const next = code === "ENOSPC" ? " Free some space, then run the command again." : "";
  return clientFault("failed", "client_file", `${cause.message}.${next}`);
}

/** A failure in words: what happened, each thing that is wrong, and the next step. */
export function faultText({ detail, errors = [] }: ClientProblem): string {
  // A field of a request is shown without the slash of its JSON pointer.
  const lines = errors
    .map((line) => ({ ...line, path: line.path.replace(/^\/(?=\w+$)/, "") }))
    .slice(0, LINES_MAX)
    .map(({ path, message }) => `  ${escapeUnprintable(`${path} ${message}`.trim())}`);
  const more = errors.length > LINES_MAX ? [`  and ${errors.length - LINES_MAX} more`] : [];
  // The next step stands last, where a reader looks for it.
  const [what = "", ...next] = detail.split("\n");
  return [what, ...lines, ...more, ...next].join("\n");
}
