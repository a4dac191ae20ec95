import { CONFIG_KEYS } from "../client/config-keys.ts";
import { getDocument } from "../client/document-shape.ts";
import { PACKAGE_LIST, type PackageListDocument } from "../client/registry-documents.ts";
import { PACE } from "../client/retries.ts";
import { print } from "../runtime/print.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { addressOf, clientContext, tokenOf } from "./client-context.ts";
import type { Command } from "./command.ts";
import { findCommand } from "./command-line.ts";
import { COMMANDS, GROUPS } from "./commands.ts";
import { COMPLETION_SCRIPTS } from "./completion-scripts.ts";

/** Whoever pressed Tab waits. */
const NAMES_MAX_MS = 1_000;
const NAMES_MAX = 50;
/** Arguments that name a package. */
const PACKAGE_ARGUMENTS = ["name", "package", "version"];

/**
 * Prints what can follow the words of a command line, one a line. The last word may be incomplete.
 */
export async function complete(words: readonly string[]): Promise<number> {
  // PowerShell drops empty arguments, so its script sends two quotation marks instead.
  const typed = (words.at(-1) ?? "").replace(/^""$/, "");
  const found = await candidates(words.slice(0, -1), typed);
  const fitting = [...new Set(found)].filter((each) => each.startsWith(typed) && /^[\x21-\x7e]+$/.test(each));
  if (fitting.length > 0) print(fitting.join("\n"));
  return 0;
}

async function candidates(before: readonly string[], typed: string): Promise<readonly string[]> {
  const plain = before.filter((word) => !word.startsWith("-"));
  if (plain.length === 0 && !typed.startsWith("-")) return firstWords();
  const { command, group, rest } = findCommand(plain);
  if (command === undefined || (group !== undefined && plain.length === 1))
    return group === undefined ? [] : groupWords(group);
  const asked = valueAsked(command, before);
  if (asked !== undefined) return [];
  if (typed.startsWith("-")) return optionWords(command);
  return argumentWords(command, rest.length, typed);
}

function firstWords(): string[] {
  const shown = COMMANDS.filter(({ internal }) => internal !== true);
  return [...new Set(shown.map(({ name }) => name.split(" ", 1)[0] ?? name)), "help"];
}

function groupWords(group: string): string[] {
  const members = COMMANDS.filter(({ name }) => Object.hasOwn(GROUPS, group) && name.startsWith(`${group} `));
  return members.map(({ name }) => name.slice(group.length + 1));
}

function optionWords({ options }: Command): string[] {
  return [...Object.keys(options), "help"].map((name) => `--${name}`);
}

/** The option before the cursor that waits for its value. */
function valueAsked({ options }: Command, before: readonly string[]): string | undefined {
  const last = before.at(-1) ?? "";
  const name = last.startsWith("--") && !last.includes("=") ? last.slice(2) : "";
  return Object.hasOwn(options, name) && options[name]?.type === "string" ? name : undefined;
}

function argumentWords(
  command: Command,
  position: number,
  typed: string,
): Promise<readonly string[]> | readonly string[] {
  const [first] = command.arguments;
  const argument = first?.repeated === true ? first : command.arguments[position];
  if (command.name === "completion") return Object.keys(COMPLETION_SCRIPTS);
  if (argument?.name === "key" && command.name.startsWith("config ")) return CONFIG_KEYS;
  const isPackage = command.isClient === true && argument !== undefined && PACKAGE_ARGUMENTS.includes(argument.name);
  return isPackage ? packageNames(typed) : [];
}

/** The names that a registry knows. Without an answer in time there are none. */
async function packageNames(typed: string): Promise<readonly string[]> {
  const quiet = { ...PACE, tries: 1 };
  const ask = async () => {
    const { ApiClient } = await import("../client/api-client.ts");
    const context = clientContext({ json: true });
    const address = await addressOf(context);
    const token = await tokenOf(context, address);
    const client = new ApiClient({ address, token, note: () => undefined, pace: quiet, answerMaxMs: NAMES_MAX_MS });
    const query = new URLSearchParams({ search: typed, pageSize: String(NAMES_MAX) });
    return getDocument<PackageListDocument>(client, `/api/packages?${query}`, PACKAGE_LIST);
  };
  const list = await withTimeout(NAMES_MAX_MS, ask()).catch(() => undefined);
  return (list?.items ?? []).map(({ name }) => name);
}
