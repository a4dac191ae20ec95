/** An option of a command. Help, parsing and suggestions are made from it. */
export interface Option {
  readonly type: "string" | "boolean";
  /** True if the option may be given several times; the command receives a list. */
  readonly multiple?: true;
  /** True if the command cannot run without it. */
  readonly required?: true;
  /** Stands for the value in the help, such as `<file>`. Options of type `string` have one. */
  readonly value?: `<${string}>`;
  /** Used when the option is left out, and shown in the help. */
  readonly default?: string;
  readonly description: string;
}

/** The options of a command by their names, without `--`. */
export type Options = Readonly<Record<string, Option>>;

/** A word that follows the name of a command. Required arguments come before optional ones. */
export interface Argument {
  readonly name: string;
  readonly optional?: true;
  /** True if the argument may be given several times. It is then the only one of its command. */
  readonly repeated?: true;
  readonly description: string;
}

type OptionValue<O extends Option> = O extends { readonly type: "boolean" }
  ? boolean
  : O extends { readonly multiple: true }
    ? readonly string[]
    : O extends { readonly required: true } | { readonly default: string }
      ? string
      : string | undefined;

/** What a command receives for its options: flags are false and lists are empty when left out. */
export type OptionValues<O extends Options> = { readonly [Name in keyof O]: OptionValue<O[Name]> };

/** What a command receives for its arguments, in their order. */
export type ArgumentValues<A extends readonly Argument[]> = A extends readonly [{ readonly repeated: true }]
  ? readonly string[]
  : { readonly [At in keyof A]: A[At] extends { readonly optional: true } ? string | undefined : string };

/** A titled list in the help of one command, such as the kinds of problems that `fsck` finds. */
export interface HelpSection {
  readonly title: string;
  readonly rows: readonly (readonly [term: string, meaning: string])[];
}

/**
 * What the help says of a command beyond its options and arguments. Texts are wrapped when they are
 * printed.
 */
export interface CommandHelp {
  /** Paragraphs are separated by an empty line. */
  readonly description: string;
  readonly sections?: readonly HelpSection[];
  /** What exit code 1 means, for commands that use it. Codes 0 and 64 mean the same everywhere. */
  readonly failure?: string;
  /** At least one complete command line. */
  readonly examples: readonly [string, ...string[]];
}

/** The values of the command line, before they have the types of one command. */
export type GivenOptions = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** The arguments of a command by position. A missing optional argument is undefined. */
export type GivenWords = readonly (string | undefined)[];

/**
 * One command. The parser, the help and "did you mean" read nothing else. `run` imports the modules
 * that do the work, so that listing all commands loads none of them.
 */
export interface Command {
  /** One word, or the name of a group and one word: `gc`, `admin create`. */
  readonly name: string;
  /** One line for lists of commands: a verb first, no full stop. */
  readonly summary: string;
  readonly options: Options;
  readonly arguments: readonly Argument[];
  readonly help: CommandHelp;
  /**
   * True for commands of publishers and users, which talk to a registry and are not part of a
   * server.
   */
  readonly isClient?: true;
  /** True for commands that only this program runs. Lists of commands leave them out. */
  readonly internal?: true;
  /** Returns the exit code. A method, so that commands of different options fit in one list. */
  run(options: GivenOptions, words: GivenWords): Promise<number>;
}

interface Definition<O extends Options, A extends readonly Argument[]>
  extends Omit<Command, "options" | "arguments" | "run"> {
  readonly options: O;
  readonly arguments: A;
  run(options: OptionValues<O>, words: ArgumentValues<A>): Promise<number>;
}

/** Gives `run` the types of the command's own options and arguments. */
export function defineCommand<const O extends Options, const A extends readonly Argument[]>(
  definition: Definition<O, A>,
): Definition<O, A> {
  return definition;
}
