import type { SQL } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { Invalidations } from "./invalidations.ts";
import type * as schema from "./postgres/schema.ts";

export type Tables = typeof schema;

/** What goes to a driver as it is. */
export type SqlValue = string | number | boolean | Uint8Array | null;

/**
 * The query builder both databases offer. What only one of them has (`execute`, `transaction`) is
 * left out.
 */
export type QueryBuilder = Pick<
  PgDatabase<PgQueryResultHKT, Record<string, never>>,
  "select" | "selectDistinct" | "insert" | "update" | "delete" | "$count"
>;

/** A place to run statements: inside `read` or `write` only, never kept after the callback ends. */
export interface DbSession {
  readonly query: QueryBuilder;
  readonly tables: Tables;
  /**
   * Runs hand-written SQL, for the few statements that differ between the databases, and returns
   * its rows.
   */
  rows<Row>(statement: SQL): Promise<Row[]>;
  /**
   * Runs SQL that is the same at every call, prepared once; rows are columns in their order, as the
   * driver gives them.
   */
  values(text: string, params: SqlValue[]): Promise<unknown[][]>;
  /**
   * `values` of a text that is one of very many: it is planned at every call, and no connection of
   * Postgres keeps it.
   */
  valuesOnce(text: string, params: SqlValue[]): Promise<unknown[][]>;
  /**
   * Invalidates what caches hold about a package, when this transaction commits. In `write` only.
   */
  invalidate(name: string): void;
  /**
   * Returns this session for work on many things at once. On Postgres, its `values` batches calls
   * with the same text that are made in the same turn of the event loop into one statement. The
   * calls must not depend on each other.
   */
  batched(): DbSession;
}

/**
 * A database of either kind. Every call ends: with a result, with what `work` threw, or with
 * `database_unavailable` or `storage_full` when the database does not answer within its deadline,
 * is gone, or is full.
 */
export interface Database {
  readonly kind: "sqlite" | "postgres";
  /**
   * Runs reads outside a transaction. On Postgres `work` may run twice, after a lost connection.
   */
  read<T>(work: (session: DbSession) => Promise<T>): Promise<T>;
  /**
   * Runs `work` in one transaction, committed when it returns and rolled back when it throws. It
   * must only await the session it is given: no network, no files, no other database call. After
   * `database_unavailable` the transaction may or may not have been committed; callers make their
   * writes safe to repeat.
   */
  write<T>(work: (session: DbSession) => Promise<T>): Promise<T>;
  /**
   * Notifies what `session.invalidate` named in committed transactions, of this process and of
   * others.
   */
  readonly invalidations: Invalidations;
  /** Starts to notify the commits of other processes, until `close`. */
  watch(): void;
  close(): Promise<void>;
}
