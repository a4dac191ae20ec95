import { resolve } from "node:path";
import { LOG_LEVELS, type LogLevel } from "../runtime/logger.ts";
import { ConfigError, ENVIRONMENT } from "./config.ts";
import { SettingReader } from "./setting-reader.ts";
import { collectSettings, type SettingName, type SettingProblem } from "./settings.ts";
import { readStorage, type StorageConfig } from "./storage.ts";

/** A store that somebody named, and the directory for what is on its way to and from it. */
export interface NamedStorage {
  readonly storage: StorageConfig;
  readonly dataDir: string;
  readonly logLevel: LogLevel;
}

/** What a name says beside the settings; undefined for a text that names no store. */
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
 * Finds the store that a name means: `FileSystem` or `S3` as the settings describe them, whatever `STORAGE_TYPE` says;
 * `s3://bucket/prefix` for another bucket or prefix; `file:directory`; or a settings file (`.json`) of its own, for
 * which the environment does not count. Throws `ConfigError` with all problems at once.
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
    problems.push({ setting: name, message: "is no store: FileSystem, S3, file:<directory>, s3://<bucket>/<prefix>" });
  }
  const reader = new SettingReader(new Map([...found, ...(named ?? [])]), problems);
  const dataDir = resolve(reader.text("DATA_DIR") ?? "App_Data");
  const files: StorageConfig = { kind: "files", directory: resolve(directory) };
  const storage = directory === "" ? readStorage(reader, dataDir, environment) : files;
  const logLevel = reader.choice("LOG_LEVEL", LOG_LEVELS, "warn");
  if (problems.length > 0) throw new ConfigError(problems);
  return { storage, dataDir, logLevel };
}
