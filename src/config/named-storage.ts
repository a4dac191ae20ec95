import { resolve } from "node:path";
import type { LogLevel } from "../runtime/logger.ts";
import { collectSettings, type SettingProblem } from "./collect-settings.ts";
import { ConfigError, ENVIRONMENT } from "./config.ts";
import { SettingReader } from "./setting-reader.ts";
import { SETTINGS, type SettingName } from "./settings.ts";
import { readStorage, type StorageConfig } from "./storage.ts";

/** A storage that a command names, and the directory for files on their way to and from it. */
export interface NamedStorage {
  readonly storage: StorageConfig;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
}

/** The settings that a name replaces. Undefined for a text that names no storage. */
function settingsOfStore(name: string): readonly (readonly [SettingName, string])[] | undefined {
  if (/^filesystem$/i.test(name)) return [["STORAGE_TYPE", "FileSystem"]];
  if (/^s3$/i.test(name)) return [["STORAGE_TYPE", "S3"]];
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/.exec(name) ?? [];
  if (bucket === "") return undefined;
  return [
    ["STORAGE_TYPE", "S3"],
    ["STORAGE_BUCKET_NAME", bucket],
    ["STORAGE_KEY_PREFIX", prefix],
  ];
}

/**
 * Finds the storage that a name means: `FileSystem` or `S3` as the settings describe them, whatever
 * `STORAGE_TYPE` says; `s3://bucket/prefix` for another bucket or prefix; `file:directory`; or a
 * settings file (`.json`) of its own, to which the environment does not apply. Throws `ConfigError`
 * with all problems at once.
 */
export function readNamedStorage(
  name: string,
  configFile?: string,
  environment: Readonly<Record<string, string | undefined>> = ENVIRONMENT,
): NamedStorage {
  const problems: SettingProblem[] = [];
  const isFile = /\.json$/i.test(name) && !name.startsWith("file:");
  const found = isFile ? collectSettings({}, name, problems) : collectSettings(environment, configFile, problems);
  const directory = name.startsWith("file:") ? name.slice("file:".length).replace(/^\/\/(?=\/)/, "") : "";
  const named = isFile || directory !== "" ? [] : settingsOfStore(name);
  if (named === undefined) {
    problems.push({
      setting: name,
      message: "is not a storage. Use FileSystem, S3, file:<directory>, s3://<bucket>/<prefix> or a settings file",
    });
  }
  const reader = new SettingReader(new Map([...found, ...(named ?? [])]), problems);
  const dataDir = resolve(reader.text("DATA_DIR") ?? SETTINGS.DATA_DIR.default);
  const files: StorageConfig = { kind: "files", directory: resolve(directory) };
  const storage = directory === "" ? readStorage(reader, dataDir, environment) : files;
  const logLevel = reader.choice("LOG_LEVEL");
  if (problems.length > 0) throw new ConfigError(problems);
  return { storage, dataDir, logLevel };
}
