import { sql } from "drizzle-orm";
import * as pg from "drizzle-orm/pg-core";
import * as sqlite from "drizzle-orm/sqlite-core";

/*
 * How each database declares a column. The SQLite dialect is cast to the type of the Postgres
 * dialect: with the casts in sqlite/database.ts, the only ones of the query layer.
 */

/**
 * How Postgres declares columns. `instant` has milliseconds; `count` and `identity` go up to
 * 2^53 - 1.
 */
export const postgresDialect = {
  table: pg.pgTable,
  index: pg.index,
  uniqueIndex: pg.uniqueIndex,
  primaryKey: pg.primaryKey,
  text: pg.text,
  boolean: pg.boolean,
  json: pg.json,
  instant: (name: string) => pg.timestamp(name, { precision: 3, withTimezone: true, mode: "date" }),
  identity: (name: string) => pg.bigint(name, { mode: "number" }).primaryKey().generatedByDefaultAsIdentity(),
  count: (name: string) => pg.bigint(name, { mode: "number" }),
  bytes: pg.customType<{ data: Buffer }>({ dataType: () => "bytea" }),
  /**
   * Text that is ordered by bytes, as SQLite orders it. Without this, a database created with
   * another collation would list names in another order.
   */
  byteOrderedText: pg.customType<{ data: string }>({ dataType: () => 'text COLLATE "C"' }),
  /**
   * The id of the transaction. On Postgres, event ids can become visible out of order; on SQLite,
   * which has one writer, this is 0.
   */
  transactionId: sql<number>`txid_current()`,
};

/** The declarations that a table definition may use, whatever the database. */
export type Dialect = typeof postgresDialect;

/** How SQLite declares the same columns. An `instant` is stored as milliseconds since 1970. */
export const sqliteDialect = {
  table: sqlite.sqliteTable,
  index: sqlite.index,
  uniqueIndex: sqlite.uniqueIndex,
  primaryKey: sqlite.primaryKey,
  text: sqlite.text,
  boolean: (name: string) => sqlite.integer(name, { mode: "boolean" }),
  json: (name: string) => sqlite.text(name, { mode: "json" }),
  instant: (name: string) => sqlite.integer(name, { mode: "timestamp_ms" }),
  identity: (name: string) => sqlite.integer(name).primaryKey({ autoIncrement: true }),
  count: (name: string) => sqlite.integer(name),
  bytes: (name: string) => sqlite.blob(name, { mode: "buffer" }),
  byteOrderedText: (name: string) => sqlite.text(name),
  transactionId: 0,
} as object as Dialect;
