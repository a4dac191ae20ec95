import { readFileSync } from "node:fs";
import { parseJsonText } from "../domain/json-text.ts";
import { SETTINGS, type SettingName } from "./settings.ts";

/**
 * Texts of settings by name. The environment takes precedence over the file. Empty texts count as
 * absent.
 */
export type Settings = ReadonlyMap<SettingName, string>;

/** One problem with one setting, for the operator. `message` continues the name: "must be …". */
export interface SettingProblem {
  readonly setting: string;
  readonly message: string;
}

function fold(name: string): string {
  return name.replaceAll(/[_:]/g, "").toLowerCase();
}

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

const BY_FOLDED_NAME = new Map(
  Object.keys(SETTINGS)
    .filter(isSettingName)
    .map((name) => [fold(name), name]),
);

/**
 * Flattens `{"Storage": {"BucketName": "x"}}` to pairs of joined name and text. Lists become
 * comma-separated texts.
 */
function* flatten(prefix: string, value: unknown): Generator<[string, string]> {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    yield [prefix, value.map(String).join(",")];
  } else if (typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) yield* flatten(prefix === "" ? key : `${prefix}__${key}`, inner);
  } else {
    yield [prefix, String(value)];
  }
}

/** Sections of ASP.NET's appsettings.json that say nothing to a registry. */
const IGNORED_SECTIONS = new Set(["logging", "allowedhosts", "$schema"]);

/** Reads the JSON object of a file. */
function readObject(path: string, problems: SettingProblem[]): object {
  try {
    // Some editors on Windows write a byte order mark at the start of a file.
    const parsed = parseJsonText(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
    problems.push({ setting: "--config", message: `${path} must contain one JSON object` });
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? "is not valid JSON" : "cannot be read";
    problems.push({ setting: "--config", message: `${path} ${reason}` });
  }
  return {};
}

function fileEntries(path: string, problems: SettingProblem[]): [string, string][] {
  const sections = Object.entries(readObject(path, problems)).filter(([name]) => !isIgnored(name));
  return sections.flatMap(([name, value]) => [...flatten(name, value)]);
}

function isIgnored(section: string): boolean {
  return IGNORED_SECTIONS.has(section.toLowerCase());
}

/** Returns the line that names the sections of a JSON file which are ignored, if it has any. */
export function ignoredSectionsText(configFile: string | undefined): string | undefined {
  if (configFile === undefined) return undefined;
  const ignored = Object.keys(readObject(configFile, [])).filter(isIgnored);
  return ignored.length === 0
    ? undefined
    : `${configFile}: ${ignored.join(", ")} are not settings of the registry and are ignored.`;
}

/** Two names of one setting. Either of them in the environment replaces both of the file. */
const CONNECTION_NAMES: readonly SettingName[] = ["DATABASE_URL", "ConnectionStrings__DefaultConnection"];

/**
 * Collects the known settings of one source. Two spellings that disagree are a problem, because
 * neither wins.
 */
function settingsOf(
  entries: Iterable<readonly [string, string | undefined]>,
  problems: SettingProblem[],
  unknown: (name: string) => void,
): Map<SettingName, string> {
  const settings = new Map<SettingName, string>();
  for (const [name, text] of entries) {
    const known = BY_FOLDED_NAME.get(fold(name));
    if (known === undefined) unknown(name);
    else if (text !== undefined && text !== "") {
      if ((settings.get(known) ?? text) !== text) {
        problems.push({ setting: known, message: "is given in two spellings with different values. Keep one of them" });
      }
      settings.set(known, text);
    }
  }
  if (CONNECTION_NAMES.every((name) => settings.has(name))) {
    problems.push({
      setting: CONNECTION_NAMES.join(" and "),
      message: "are two names of one setting. Keep one of them",
    });
  }
  return settings;
}

/**
 * Collects the settings of the environment and of a JSON file. Names compare without case, `_` and
 * `:`, so `STORAGE_BUCKET_NAME`, `Storage__BucketName` and `{"Storage": {"BucketName": …}}` are one
 * setting. An unknown name in the file is a problem, because it is a typing error. In the
 * environment it is not, because the environment is full of names of other programs. Adds to
 * `problems` and never throws.
 */
export function collectSettings(
  environment: Readonly<Record<string, string | undefined>>,
  configFile: string | undefined,
  problems: SettingProblem[],
): Settings {
  const entries = configFile === undefined ? [] : fileEntries(configFile, problems);
  const settings = settingsOf(entries, problems, (name) =>
    problems.push({
      setting: name,
      message: `is not a setting, but ${configFile} contains it. docs/settings.md lists all settings`,
    }),
  );
  const fromEnvironment = settingsOf(Object.entries(environment), problems, () => undefined);
  if (CONNECTION_NAMES.some((name) => fromEnvironment.has(name))) {
    for (const name of CONNECTION_NAMES) settings.delete(name);
  }
  for (const [name, text] of fromEnvironment) settings.set(name, text);
  return settings;
}
