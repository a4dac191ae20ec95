import type { Argument, Command, HelpSection, Option } from "./command.ts";
import { COMMANDS, GROUPS } from "./commands.ts";

const WIDTH = 100;

const HELP_ROW = ["--help, -h", "print this text"] as const;

/** Breaks a paragraph into lines. Line breaks and indentation of the source do not count. */
function wrap(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.trim().split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function paragraphs(text: string): string[] {
  return text.split(/\n\s*\n/).map((paragraph) => wrap(paragraph, WIDTH).join("\n"));
}

/** A titled list of two columns. */
function section({ title, rows }: HelpSection): string {
  const column = Math.max(...rows.map(([term]) => term.length));
  const indent = " ".repeat(column + 4);
  const lines = rows.map(([term, meaning]) => {
    return `  ${term.padEnd(column)}  ${wrap(meaning, WIDTH - indent.length).join(`\n${indent}`)}`;
  });
  return [title, ...lines].join("\n");
}

/** An option as help and documents name it, and what they say of it. */
export function optionRow([name, option]: readonly [string, Option]): readonly [string, string] {
  const notes = [
    ...(option.required === true ? ["required"] : []),
    ...(option.default === undefined ? [] : [`default: ${option.default}`]),
  ];
  const term = option.value === undefined ? `--${name}` : `--${name} ${option.value}`;
  return [term, notes.length === 0 ? option.description : `${option.description} (${notes.join(", ")})`];
}

function argumentText({ name, optional, repeated }: Argument): string {
  const text = repeated === true ? `<${name}>...` : `<${name}>`;
  return optional === true ? `[${text}]` : text;
}

/** The command line of a command, with its arguments and required options. */
export function usageOf({ name, options, arguments: words }: Command): string {
  const required = Object.entries(options).filter(([, option]) => option.required === true);
  const parts = [
    ...words.map(argumentText),
    ...required.map(([option, { value }]) => `--${option} ${value}`),
    ...(required.length < Object.keys(options).length ? ["[options]"] : []),
  ];
  return ["cpm-registry", name, ...parts].join(" ");
}

const CLIENT_CODES = [
  ["65", "the registry's rules refuse what was given"],
  ["69", "the registry cannot be reached, or is busy"],
  ["77", "not logged in, or not permitted"],
  ["130", "interrupted"],
] as const;

/** The exit codes of a command. `failure` is what 1 means. */
export function exitCodes(failure: string | undefined, isClient = false): HelpSection {
  const one = failure === undefined ? [] : ([["1", failure]] as const);
  const usage = isClient ? "the command line is wrong, or a question has no answer" : "the command line is wrong";
  return { title: "Exit codes", rows: [["0", "done"], ...one, ["64", usage], ...(isClient ? CLIENT_CODES : [])] };
}

function examplesText(examples: readonly string[]): string {
  return [examples.length === 1 ? "Example" : "Examples", ...examples.map((line) => `  ${line}`)].join("\n");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const { help, options, arguments: words } = command;
  const parts = [`Usage: ${usageOf(command)}`, ...paragraphs(help.description)];
  if (words.length > 0) {
    parts.push(section({ title: "Arguments", rows: words.map(({ name, description }) => [`<${name}>`, description]) }));
  }
  parts.push(section({ title: "Options", rows: [...Object.entries(options).map(optionRow), HELP_ROW] }));
  parts.push(...(help.sections ?? []).map(section));
  parts.push(section(exitCodes(help.failure, command.isClient)), examplesText(help.examples));
  return parts.join("\n\n");
}

const publicCommands = () => COMMANDS.filter(({ internal }) => internal !== true);

/** The help of a group of commands, such as `admin`. */
export function groupHelp(group: string): string {
  const members = publicCommands().filter(({ name }) => name.startsWith(`${group} `));
  const rows = members.map(({ name, arguments: words, summary }): [string, string] => {
    return [[name.slice(group.length + 1), ...words.map(argumentText)].join(" "), summary];
  });
  return [
    `Usage: cpm-registry ${group} <command> [options]`,
    section({ title: "Commands", rows }),
    `Each command has its own help: cpm-registry ${members[0]?.name} --help`,
    examplesText(members.slice(0, 1).map(({ help }) => help.examples[0])),
  ].join("\n\n");
}

/** Each command of one word, and each group once, where its first command stands. */
function topRows(ofClient: boolean): (readonly [string, string])[] {
  const rows = new Map<string, string>();
  for (const { name, summary } of publicCommands().filter(({ isClient = false }) => isClient === ofClient)) {
    const [first = name, second] = name.split(" ");
    rows.set(first, second === undefined ? summary : `${GROUPS[first]}; see cpm-registry ${first} --help`);
  }
  return [...rows];
}

const HELP_COMMAND = ["help", "print this text; cpm-registry help <command> explains one command"] as const;

/** The help of the whole program. */
export function generalHelp(): string {
  return [
    "cpm-registry: the package registry of CPM, the package manager of ColonyOS",
    "Usage: cpm-registry [command] [options]",
    section({ title: "Publish and use packages", rows: topRows(true) }),
    section({ title: "Run and check a registry", rows: [...topRows(false), HELP_COMMAND] }),
    section({
      title: "Options",
      rows: [
        ["--config <file>", "read settings from this JSON file; settings in the environment take precedence"],
        ["--json", "print one JSON document, for commands that report something"],
        ["--version, -V", "print the version"],
        ["--help, -h", "print this text, or the help of the command: cpm-registry <command> --help"],
      ],
    }),
    ...paragraphs(`Settings come from the environment or from the --config file: PORT, HOST, PUBLIC_URL, DATA_DIR,
      DATABASE_URL, JWT_KEY and more. docs/settings.md explains them all.`),
    section(exitCodes("the command failed, or it found something wrong")),
    examplesText([
      "cpm-registry",
      ...publicCommands()
        .filter(({ name }) => /^(register|init|publish|migrate|admin create|verify)$/.test(name))
        .map(({ help }) => help.examples[0]),
    ]),
  ].join("\n\n");
}
