import { parseArgs } from "node:util";
import type { Command, GivenOptions, GivenWords, Option } from "./command.ts";
import { COMMANDS, DEFAULT_COMMAND, GROUPS } from "./commands.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage.ts";

/** One option as it was written. `value` is undefined for an option that was given none. */
interface GivenOption {
  readonly name: string;
  readonly written: string;
  readonly value: string | undefined;
  readonly isInline: boolean;
}

/** The words and options of a command line, before it is known which options its command has. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly options: readonly GivenOption[];
  /** True for `--help` and `help <command>`. */
  readonly asksForHelp: boolean;
}

/**
 * Splits a command line. Options may stand before the command, so which of them take a value is
 * read from the options of all commands together: an option of one name has the same type
 * everywhere.
 */
export function splitCommandLine(args: readonly string[]): CommandLine {
  const known = Object.fromEntries(
    COMMANDS.flatMap(({ options }) => Object.entries(options).map(([name, { type }]) => [name, { type }])),
  );
  const options = {
    ...known,
    help: { type: "boolean", short: "h" },
    version: { type: "boolean", short: "V" },
  } as const;
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const words = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  const given = tokens.flatMap((token) =>
    token.kind === "option"
      ? [{ name: token.name, written: token.rawName, value: token.value, isInline: token.inlineValue === true }]
      : [],
  );
  const isHelpCommand = words[0] === "help";
  const isVersion = given.some(({ name }) => name === "version") && (words.length === 0 || words[0] === "version");
  return {
    words: isHelpCommand ? words.slice(1) : words.length === 0 && isVersion ? ["version"] : words,
    options: given.filter(({ name }) => name !== "help" && !(isVersion && name === "version")),
    asksForHelp: isHelpCommand || given.some(({ name }) => name === "help"),
  };
}

/** The command that the words begin with, and the words after its name. */
export interface FoundCommand {
  readonly command: Command | undefined;
  /** The group that the first word names, if it names one. */
  readonly group: string | undefined;
  readonly rest: readonly string[];
}

/** Finds the command that `words` name: two words before one. No words name the default command. */
export function findCommand(words: readonly string[]): FoundCommand {
  const named = (count: number) => COMMANDS.find(({ name }) => name === words.slice(0, count).join(" "));
  const [first = DEFAULT_COMMAND] = words;
  const group = Object.hasOwn(GROUPS, first) ? first : undefined;
  const two = named(2);
  if (two !== undefined && words.length > 1) return { command: two, group, rest: words.slice(2) };
  const command = COMMANDS.find(({ name }) => name === first);
  return { command, group, rest: words.slice(1) };
}

function suggestion(given: string, known: readonly string[]): string {
  const found = nearest(given, known);
  return found === undefined ? "" : ` Did you mean ${found}?`;
}

/** Finds the command to run. Throws `UsageError` with the command that was probably meant. */
export function requireCommand(words: readonly string[]): {
  readonly command: Command;
  readonly rest: readonly string[];
} {
  const { command, group, rest } = findCommand(words);
  if (command !== undefined) return { command, rest };
  const names = COMMANDS.filter(({ internal }) => internal !== true).map(({ name }) => name);
  if (group === undefined) {
    const [first = ""] = words;
    const firsts = [...new Set(names.map((name) => name.split(" ", 1)[0] ?? name)), "help"];
    throw new UsageError(`Unknown command '${first}'.${suggestion(first, firsts)}`);
  }
  const commands = names.filter((name) => name.startsWith(`${group} `)).map((name) => name.slice(group.length + 1));
  const [second] = rest;
  if (second === undefined) throw new UsageError(`${group} needs one of its commands: ${commands.join(", ")}.`, group);
  const meant = nearest(second, commands);
  const hint = meant === undefined ? "" : ` Did you mean ${group} ${meant}?`;
  throw new UsageError(`${group} has no command '${second}'.${hint}`, group);
}

function readValue(option: Option, { written, value, isInline }: GivenOption): string | boolean {
  if (option.type === "boolean") {
    if (value !== undefined) throw new UsageError(`${written} takes no value.`);
    return true;
  }
  if (value === undefined) throw new UsageError(`${written} needs ${option.value ?? "a value"}.`);
  // A value that looks like an option is usually a forgotten value.
  if (!isInline && value.length > 1 && value.startsWith("-")) {
    throw new UsageError(
      `${written} needs ${option.value ?? "a value"}. To pass '${value}', write ${written}=${value}.`,
    );
  }
  return value;
}

/** Reads what was given for the options of a command. Throws `UsageError`. */
export function readOptions(command: Command, given: readonly GivenOption[]): GivenOptions {
  const values = new Map<string, string | boolean | readonly string[] | undefined>();
  for (const [name, option] of Object.entries(command.options)) {
    values.set(name, option.type === "boolean" ? false : option.multiple === true ? [] : option.default);
  }
  for (const each of given) {
    const option = Object.hasOwn(command.options, each.name) ? command.options[each.name] : undefined;
    if (option === undefined) {
      const known = [...Object.keys(command.options), "help"].map((name) => `--${name}`);
      throw new UsageError(`${command.name} has no option ${each.written}.${suggestion(each.written, known)}`);
    }
    const value = readValue(option, each);
    const before = values.get(each.name);
    values.set(each.name, option.multiple === true && Array.isArray(before) ? [...before, value] : value);
  }
  for (const [name, option] of Object.entries(command.options)) {
    if (option.required === true && !given.some((each) => each.name === name)) {
      throw new UsageError(`${command.name} needs --${name} ${option.value ?? ""}`.trimEnd().concat("."));
    }
  }
  return Object.fromEntries(values);
}

/** A version is a word of its own for administrators, and part of the package for users. */
function joinedHint({ name, arguments: known }: Command, [pack = "", version = ""]: readonly string[]): string {
  const takesBoth = known.length === 1 && known[0]?.description.includes("<name>@<version>") === true;
  return takesBoth && !pack.includes("@") ? ` Write: cpm-registry ${name} ${pack}@${version}` : "";
}

/** Checks the words after the name of a command. Throws `UsageError`. */
export function readWords(command: Command, rest: readonly string[]): GivenWords {
  const missing = command.arguments.find(({ optional }, at) => optional !== true && rest[at] === undefined);
  if (missing !== undefined) throw new UsageError(`${command.name} needs <${missing.name}>.`);
  if (command.arguments.some(({ repeated }) => repeated === true)) return rest;
  const surplus = rest[command.arguments.length];
  if (surplus !== undefined)
    throw new UsageError(
      `${command.name} takes no further argument, but '${surplus}' was given.${joinedHint(command, rest)}`,
    );
  return command.arguments.map((_, at) => rest[at]);
}
