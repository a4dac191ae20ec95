import type { Command } from "./cli/command.ts";
import type { CommandLine } from "./cli/command-line.ts";
import { findCommand, readOptions, readWords, requireCommand, splitCommandLine } from "./cli/command-line.ts";
import { print } from "./runtime/print.ts";
import { writePrivately } from "./runtime/user-umask.ts";

/** Other accounts on this machine must not read what a command writes: password hashes and keys. */
const UMASK = 0o077;

/**
 * The word with which the scripts of `completion` ask what can follow. It is in no list of
 * commands.
 */
const COMPLETE = "complete";

/** The command that runs, for messages about its failure. */
let running: Command | undefined;

/** Whether the failure is printed as a document too. */
let asksForJson = false;

async function helpFor({ words }: CommandLine): Promise<string> {
  const { commandHelp, generalHelp, groupHelp } = await import("./cli/help-text.ts");
  if (words.length === 0) return generalHelp();
  const { command, group } = findCommand(words);
  if (command !== undefined) return commandHelp(command);
  return group === undefined ? generalHelp() : groupHelp(group);
}

async function run(args: readonly string[]): Promise<number> {
  writePrivately(UMASK);
  const line = splitCommandLine(args);
  asksForJson = line.options.some(({ name }) => name === "json");
  if (line.asksForHelp) {
    print(await helpFor(line));
    return 0;
  }
  if (line.words[0] === COMPLETE) {
    const { complete } = await import("./cli/complete.ts");
    return complete(line.words.slice(1));
  }
  const { command, rest } = requireCommand(line.words);
  running = command;
  const options = readOptions(command, line.options);
  const words = readWords(command, rest);
  if ("color" in options) {
    const { chooseColors } = await import("./cli/color.ts");
    await chooseColors(options);
  }
  return command.run(options, words);
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (cause) {
  const { explainToUser } = await import("./cli/client-failure.ts");
  const explained = explainToUser(cause, running, asksForJson);
  if (explained === undefined) {
    const { explain } = await import("./cli/explain.ts");
    process.exitCode = explain(cause, running?.name);
  } else process.exitCode = explained;
}
// Timers and pools of a stopped server must not keep the process alive. Everything that had to be
// written was written.
process.exit();
