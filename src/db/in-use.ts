import { Database as BunDatabase } from "bun:sqlite";
import { existsSync } from "node:fs";
import postgres from "postgres";
import type { DatabaseConfig } from "../config/config.ts";
import { errorCode } from "../errors.ts";
import { clientOptions } from "./postgres/client-options.ts";
import { WATCH_STATEMENTS } from "./postgres/invalidations.ts";

/**
 * Returns whether a registry runs on the database. On SQLite any process that has the file open
 * counts. On Postgres it counts the connections by which servers watch for changes, as far as this
 * role may see them.
 */
export async function isInUse(config: DatabaseConfig): Promise<boolean> {
  if (config.kind === "sqlite") return existsSync(config.path) && isOpenElsewhere(config.path);
  const client = postgres({ ...clientOptions(config.connection), max: 1 });
  try {
    const [counted] = await client<{ watching: number }[]>`
      SELECT count(*)::int AS watching FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND query = ANY(${WATCH_STATEMENTS})`;
    return (counted?.watching ?? 0) > 0;
  } finally {
    await client.end({ timeout: 1 });
  }
}

/** SQLite leaves WAL mode only for a process that has the file alone. */
function isOpenElsewhere(path: string): boolean {
  const client = new BunDatabase(path, { readwrite: true });
  try {
    client.run("PRAGMA busy_timeout = 0");
    client.run("PRAGMA journal_mode = DELETE");
    client.run("PRAGMA journal_mode = WAL");
    return false;
  } catch (cause) {
    if (errorCode(cause)?.startsWith("SQLITE_BUSY")) return true;
    throw cause;
  } finally {
    client.close();
  }
}
