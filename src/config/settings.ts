import { readFileSync } from "node:fs";

/** The settings this registry knows, in the spelling of the README. */
export const SETTING_NAMES = [
  "PORT",
  "HOST",
  "PUBLIC_URL",
  "DATA_DIR",
  "DATABASE_URL",
  "ConnectionStrings__DefaultConnection",
  "STORAGE_TYPE",
  "STORAGE_BUCKET_NAME",
  "STORAGE_ACCESS_KEY",
  "STORAGE_SECRET_KEY",
  "STORAGE_ENDPOINT",
  "STORAGE_SESSION_TOKEN",
  "STORAGE_REGION",
  "STORAGE_PATH_STYLE",
  "STORAGE_KEY_PREFIX",
  "STORAGE_REDIRECT",
  "STORAGE_TIMEOUT_MS",
  "JWT_KEY",
  "JWT_ISSUER",
  "CORS_ORIGINS",
  "REGISTRATION",
  "READ_ACCESS",
  "PUBLISH_LIMITS",
  "PUBLISH_NEW_NAMES_PER_HOUR",
  "PUBLISH_VERSIONS_PER_HOUR",
  "SIMILAR_NAMES_MIN_DOWNLOADS",
  "TRUSTED_PROXIES",
  "LOG_ORIGIN",
  "LOG_SIGNING_KEY",
  "LOG_WITNESSES",
  "LOG_LEVEL",
  "WORKERS",
  "ARCHIVE_MAX_BYTES",
  "ARCHIVE_UNPACKED_MAX_BYTES",
  "ARCHIVE_ENTRIES_MAX",
  "MANIFEST_MAX_BYTES",
  "FAILPOINTS",
] as const;

export type SettingName = (typeof SETTING_NAMES)[number];

/** Raw setting texts by known name. Environment values win over the file's; empty texts count as absent. */
export type Settings = ReadonlyMap<SettingName, string>;

/** One problem with one setting, worded for the operator. */
export interface SettingProblem {
  readonly setting: string;
  readonly message: string;
}

function fold(name: string): string {
  return name.replaceAll(/[_:]/g, "").toLowerCase();
}

const BY_FOLDED_NAME = new Map<string, SettingName>(SETTING_NAMES.map((name) => [fold(name), name]));

/** Walks `{"Storage": {"BucketName": "x"}}` to pairs of joined name and text; lists become comma-separated text. */
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

function fileEntries(path: string, problems: SettingProblem[]): [string, string][] {
  try {
    // Editors on Windows begin a file with a byte order mark.
    const parsed: unknown = JSON.parse(readFileSync(path, "utf8").replace(/^\uFEFF/, ""));
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return [...flatten("", parsed)];
    problems.push({ setting: "--config", message: `${path} must hold one JSON object` });
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? "is not valid JSON" : "cannot be read";
    problems.push({ setting: "--config", message: `${path} ${reason}` });
  }
  return [];
}

/** Two names of one setting: either of them in one source replaces both of the source below it. */
const CONNECTION_NAMES: readonly SettingName[] = ["DATABASE_URL", "ConnectionStrings__DefaultConnection"];

/** Keeps the known names of one source. Two spellings that disagree are a problem, because nothing orders them. */
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
        problems.push({ setting: known, message: "is there in two spellings with different values; keep one" });
      }
      settings.set(known, text);
    }
  }
  if (CONNECTION_NAMES.every((name) => settings.has(name))) {
    problems.push({ setting: CONNECTION_NAMES.join(" and "), message: "are the same setting; keep one" });
  }
  return settings;
}

/**
 * Collects the settings of the environment and of a JSON file. Names compare without case, `_` and `:`, so
 * `STORAGE_BUCKET_NAME`, `Storage__BucketName` and `{"Storage": {"BucketName": …}}` are one setting.
 * A name in the file that no setting has is a problem, because it is a typing error; the environment is full of
 * names that are not ours. Problems are added to `problems`, never thrown.
 */
export function collectSettings(
  environment: Readonly<Record<string, string | undefined>>,
  configFile: string | undefined,
  problems: SettingProblem[],
): Settings {
  const entries = configFile === undefined ? [] : fileEntries(configFile, problems);
  const settings = settingsOf(entries, problems, (name) =>
    problems.push({ setting: name, message: `${configFile} names a setting that does not exist` }),
  );
  const fromEnvironment = settingsOf(Object.entries(environment), problems, () => undefined);
  if (CONNECTION_NAMES.some((name) => fromEnvironment.has(name))) {
    for (const name of CONNECTION_NAMES) settings.delete(name);
  }
  for (const [name, text] of fromEnvironment) settings.set(name, text);
  return settings;
}
