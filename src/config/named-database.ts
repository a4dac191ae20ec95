import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { collectSettings, type SettingProblem } from "./collect-settings.ts";
import { ConfigError, type DatabaseConfig, readDatabase } from "./config.ts";
import { parsePostgresConnection } from "./connection.ts";
import { SettingReader } from "./setting-reader.ts";
import { SETTINGS } from "./settings.ts";

const FILE_NAME = "registry.db";

function problem(option: string, message: string): ConfigError {
  return new ConfigError([{ setting: option, message }]);
}

function fromSettings(file: string): DatabaseConfig {
  const problems: SettingProblem[] = [];
  const reader = new SettingReader(collectSettings({}, file, problems), problems);
  const database = readDatabase(reader, resolve(reader.text("DATA_DIR") ?? SETTINGS.DATA_DIR.default));
  if (problems.length > 0) throw new ConfigError(problems);
  return database;
}

/**
 * Finds the database that an option of a command names: `postgres://…` or `Host=…;Database=…`, a
 * file of SQLite, a directory with `registry.db`, or a settings file (`.json`) to which the
 * environment does not apply. Throws `ConfigError`, which repeats no password.
 */
export function readNamedDatabase(option: string, name: string): DatabaseConfig {
  if (/^postgres(ql)?:\/\/|^(host|server)\s*=/i.test(name)) {
    const connection = parsePostgresConnection(name);
    if (typeof connection === "string") throw problem(option, `cannot be read: ${connection}`);
    return { kind: "postgres", connection };
  }
  if (/\.json$/i.test(name)) return fromSettings(name);
  const path = resolve(name);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    return { kind: "sqlite", path: join(path, FILE_NAME) };
  if (/\.db$/i.test(name)) return { kind: "sqlite", path };
  throw problem(
    option,
    "is not a database. Use postgres://user:password@host/database, a file whose name ends with .db, an existing " +
      "directory for its registry.db, or a settings file",
  );
}
