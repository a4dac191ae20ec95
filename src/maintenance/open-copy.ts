import type { DatabaseConfig } from "../config/config.ts";
import { readPostgres } from "../db/copy/postgres-source.ts";
import { writePostgres } from "../db/copy/postgres-target.ts";
import type { RowSource, RowTarget } from "../db/copy/source.ts";
import { readSqlite } from "../db/copy/sqlite-source.ts";
import { writeSqlite } from "../db/copy/sqlite-target.ts";
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
export function writeDatabaseRows<T>(database: DatabaseConfig, work: (target: RowTarget) => Promise<T>): Promise<T> {
  if (database.kind === "postgres") return writePostgres(database.connection, work);
  return makeDatabaseFile(database.path, (path) => writeSqlite(path, work));
}
