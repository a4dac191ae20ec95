import type { CommandLine } from "./cli/command-line.ts";
import { findCommand, readOptions, readWords, requireCommand, splitCommandLine } from "./cli/command-line.ts";
import { print } from "./runtime/print.ts";

/** Other accounts on this machine must not read what a command writes: password hashes and keys. */
const UMASK = 0o077;

/** The command that runs, for messages about its failure. */
let running: string | undefined;

async function helpFor({ words }: CommandLine): Promise<string> {
  const { commandHelp, generalHelp, groupHelp } = await import("./cli/help-text.ts");
  if (words.length === 0) return generalHelp();
  const { command, group } = findCommand(words);
  if (command !== undefined) return commandHelp(command);
  return group === undefined ? generalHelp() : groupHelp(group);
}

async function run(args: readonly string[]): Promise<number> {
  process.umask(UMASK);
  const line = splitCommandLine(args);
  if (line.asksForHelp) {
    print(await helpFor(line));
    return 0;
  }
  const { command, rest } = requireCommand(line.words);
  running = command.name;
  return command.run(readOptions(command, line.options), readWords(command, rest));
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (cause) {
  const { explain } = await import("./cli/explain.ts");
  process.exitCode = explain(cause, running);
}
// Timers and pools of a stopped server must not keep the process alive. Everything that had to be
// written was written.
process.exit();
