import type { DatabaseConfig } from "../config/config.ts";
import { readPostgres } from "../db/copy/postgres-source.ts";
import { writePostgres } from "../db/copy/postgres-target.ts";
import type { RowSource, RowTarget } from "../db/copy/source.ts";
import { readSqlite } from "../db/copy/sqlite-source.ts";
import { writeSqlite } from "../db/copy/sqlite-target.ts";
import { COPIED_TABLES } from "../db/copy/tables.ts";
import { makeDatabaseFile } from "./new-database-file.ts";

/** Reads one state of a database, which servers may change meanwhile. */
export function readDatabaseRows<T>(database: DatabaseConfig, work: (source: RowSource) => Promise<T>): Promise<T> {
  if (database.kind === "sqlite") return readSqlite(database.path, false, work);
  return readPostgres(database.connection, work);
}

/**
 * Fills an empty database: a new file, or a Postgres that no registry has used. It gets all that
 * `work` writes, or nothing. Throws `OperatorError` if it is not empty.
 */
export function writeDatabaseRows<T>(
  database: DatabaseConfig,
  clock: () => Date,
  work: (target: RowTarget) => Promise<T>,
): Promise<T> {
  if (database.kind === "postgres") return writePostgres(database.connection, work);
  return makeDatabaseFile(database.path, clock, (path) => writeSqlite(path, work));
}

/**
 * Returns since when an operator keeps a registry read-only (log/read-only.ts). Undefined if it is
 * not. Leaves nothing open that would count as a registry on the database.
 */
export function readOnlySince(database: DatabaseConfig): Promise<Date | undefined> {
  const table = COPIED_TABLES.find(({ name }) => name === "log_state");
  const at = table?.columns.findIndex(({ name }) => name === "read_only_since") ?? -1;
  return readDatabaseRows(database, async (source) => {
    if (table === undefined) return undefined;
    for await (const [row] of source.rows(table)) {
      const sinceMs = row?.[at];
      if (typeof sinceMs === "number") return new Date(sinceMs);
    }
    return undefined;
  });
}
