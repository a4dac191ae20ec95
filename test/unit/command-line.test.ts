import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "../../src/cli/command.ts";
import { readOptions, readWords, requireCommand, splitCommandLine } from "../../src/cli/command-line.ts";
import { COMMANDS, GROUPS } from "../../src/cli/commands.ts";
import { commandHelp, generalHelp, groupHelp } from "../../src/cli/help-text.ts";
import { nearest } from "../../src/cli/nearest.ts";
import { UsageError } from "../../src/cli/usage.ts";

/** Reads a command line as main.ts does, without running the command. */
function read(...args: string[]) {
  const line = splitCommandLine(args);
  const { command, rest } = requireCommand(line.words);
  return { name: command.name, options: readOptions(command, line.options), words: readWords(command, rest) };
}

/**
 * The words of a shell command after the program's name, without settings before it and
 * redirections after it.
 */
function argumentsOf(example: string): string[] {
  const [, rest = ""] = /\bcpm-registry\b\s*(.*)$/.exec(example) ?? [];
  const quoted = rest
    .replace(/ [<>] .*$/, "")
    .replaceAll(/"\$\([^)]*\)"/g, "quoted")
    .replaceAll(/"[^"]*"/g, "quoted");
  return quoted.trim().split(/\s+/);
}

const byName = COMMANDS.map((command): [string, Command] => [command.name, command]);

describe("the table of commands", () => {
  test.each(byName)("%s has help whose examples its own parser accepts", (name, command) => {
    const help = commandHelp(command);
    expect(help).toStartWith(`Usage: cpm-registry ${name}`);
    for (const example of command.help.examples) {
      expect(help).toContain(`\n  ${example}`);
      if (command.internal !== true) expect(read(...argumentsOf(example)).name).toBe(name);
    }
  });

  test.each(byName)("%s describes every option, and prints no line of the help beyond column 100", (_, command) => {
    const help = commandHelp(command);
    for (const [option, { type, value, description }] of Object.entries(command.options)) {
      expect(help).toContain(`  --${option}${value === undefined ? "" : ` ${value}`}`);
      expect({ option, hasPlaceholder: value !== undefined }).toEqual({ option, hasPlaceholder: type === "string" });
      expect(description).not.toEndWith(".");
    }
    const examples: readonly string[] = command.help.examples;
    const texts = help.split("\n").filter((line) => !examples.includes(line.trim()));
    expect(texts.filter((line) => line.length > 100)).toEqual([]);
  });

  test("loads nothing that does the work of a command: each imports it when it runs", () => {
    const folder = join(import.meta.dir, "../../src/cli/commands");
    const allowed = ["../command.ts", "../shared-options.ts", "../../runtime/print.ts", "../../runtime/version.ts"];
    for (const file of readdirSync(folder)) {
      const text = readFileSync(join(folder, file), "utf8");
      const imports = [...text.matchAll(/^import .* from "([^"]+)";$/gm)].map(([, path = ""]) => path);
      expect({ file, heavy: imports.filter((path) => !allowed.includes(path)) }).toEqual({ file, heavy: [] });
    }
  });

  test("an option of one name has one type in all commands, so that options may stand before the command", () => {
    const types = new Map<string, string>();
    for (const { options } of COMMANDS) {
      for (const [name, { type }] of Object.entries(options))
        expect([name, types.get(name) ?? type]).toEqual([name, type]);
      for (const [name, { type }] of Object.entries(options)) types.set(name, type);
    }
  });

  test("the general help lists every command or its group, and the help of a group lists its commands", () => {
    for (const { name, internal } of COMMANDS) {
      const [first = "", second] = name.split(" ");
      expect([name, generalHelp().includes(`\n  ${first} `)]).toEqual([name, internal !== true]);
      if (second === undefined) continue;
      expect(GROUPS[first]).toBeString();
      expect(groupHelp(first)).toContain(`\n  ${second} `);
    }
  });
});

describe("a command line", () => {
  test("without a command means serve", () => {
    expect(read().name).toBe("serve");
    expect(read("--config", "a.json")).toMatchObject({ name: "serve", options: { config: "a.json" } });
  });

  test("may have its options before, between and after its words", () => {
    const expected = { name: "admin create", words: ["ada"], options: { config: "a.json", admin: true } };
    expect(read("--config", "a.json", "admin", "create", "ada", "--admin")).toMatchObject(expected);
    expect(read("admin", "--config=a.json", "create", "--admin", "ada")).toMatchObject(expected);
  });

  test("gives flags that are left out as false, lists as empty, and values as their default", () => {
    expect(read("gc").options).toEqual({ "dry-run": false, grace: "24h", json: false, config: undefined });
    expect(read("witness", "w", "--log", "a", "--log", "b").options.log).toEqual(["a", "b"]);
    expect(read("admin", "quarantine", "a", "--lift").words).toEqual(["a", undefined]);
  });

  test.each<[string[], string]>([
    [["srve"], "Unknown command 'srve'. Did you mean serve?"],
    [["admn"], "Unknown command 'admn'. Did you mean admin?"],
    [["hepl"], "Unknown command 'hepl'. Did you mean help?"],
    [["explode"], "Unknown command 'explode'."],
    [["constructor"], "Unknown command 'constructor'."],
    [["storage"], "storage needs one of its commands: copy."],
    [["admin", "craete"], "admin has no command 'craete'. Did you mean admin create?"],
    [["admin", "explode"], "admin has no command 'explode'."],
    [["admin", "create"], "admin create needs <username>."],
    [["admin", "grant", "ada", "bert"], "admin grant takes no further argument, but 'bert' was given."],
    [
      ["yank", "hello", "0.2.0"],
      "yank takes no further argument, but '0.2.0' was given. Write: cpm-registry yank hello@0.2.0",
    ],
    [["admin", "grant", "ada", "--admin"], "admin grant has no option --admin."],
    [["gc", "--dryrun"], "gc has no option --dryrun. Did you mean --dry-run?"],
    [["gc", "-x"], "gc has no option -x."],
    [["gc", "--constructor"], "gc has no option --constructor."],
    [["gc", "--json=yes"], "--json takes no value."],
    [["gc", "--grace"], "--grace needs <time>."],
    [["gc", "--grace", "--json"], "--grace needs <time>. To pass '--json', write --grace=--json."],
    [["storage", "copy", "--from", "S3"], "storage copy needs --to <storage>."],
    [["serve", "--version"], "serve has no option --version."],
  ])("%p is refused with the next step", (args, message) => {
    expect(() => read(...args)).toThrow(new UsageError(message));
  });
});

describe("the nearest name", () => {
  test("is at most two edits away; neighbours that are swapped are one edit", () => {
    expect(nearest("marked", ["market"])).toBe("market");
    expect(nearest("tset", ["best", "test"])).toBe("test");
    expect(nearest("abcdef", ["abcxyz"])).toBeUndefined();
  });

  test("differs in at most half of the letters, and a text that no person typed has none", () => {
    expect(nearest("ab", ["gc"])).toBeUndefined();
    expect(nearest("gx", ["gc"])).toBe("gc");
    expect(nearest("x".repeat(100_000), ["gc"])).toBeUndefined();
  });
});
