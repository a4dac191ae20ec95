import type { SQL } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import type { DatabaseCondition } from "./condition.ts";
import type { Invalidations } from "./invalidations.ts";
import type * as schema from "./postgres/schema.ts";

/** The tables of the registry. Both databases are used under the types of Postgres. */
export type Tables = typeof schema;

/** A parameter as a driver takes it. */
export type SqlValue = string | number | boolean | Uint8Array | null;

/**
 * The query builder that both databases offer. Methods that only one of them has (`execute`,
 * `transaction`) are left out.
 */
export type QueryBuilder = Pick<
  PgDatabase<PgQueryResultHKT, Record<string, never>>,
  "select" | "selectDistinct" | "insert" | "update" | "delete" | "$count"
>;

/** Runs statements. Use it only inside `read` or `write`, and never after the callback ends. */
export interface DbSession {
  readonly query: QueryBuilder;
  readonly tables: Tables;
  /**
   * Runs hand-written SQL and returns its rows. It is for the few statements that differ between
   * the databases.
   */
  rows<Row>(statement: SQL): Promise<Row[]>;
  /**
   * Runs SQL whose text is the same at every call, and prepares it once. Rows are arrays of columns
   * as the driver returns them.
   */
  values(text: string, params: SqlValue[]): Promise<unknown[][]>;
  /**
   * Like `values`, for SQL with one of very many texts. It is planned at every call, so no
   * connection of Postgres has to keep it.
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

/** The connections to a database in this process, and the writes that wait for their turn. */
export interface DatabaseLoad {
  readonly busy: number;
  /** Those that are not in use, also those that are opened only when they are needed. */
  readonly idle: number;
  readonly waitingWrites: number;
}

/**
 * A database of either kind. Every call ends: with a result, with what `work` threw, or with an
 * error. The error is `database_unavailable` if the database does not answer within its deadline,
 * is gone or accepts no writes, `storage_full` if it is full, and `database_corrupt` if it is
 * damaged.
 */
export interface Database {
  readonly kind: "sqlite" | "postgres";
  /** What is wrong with it although it may answer reads. */
  readonly condition: DatabaseCondition;
  /**
   * Runs reads outside a transaction. On Postgres `work` may run twice, after a lost connection.
   */
  read<T>(work: (session: DbSession) => Promise<T>): Promise<T>;
  /**
   * Runs `work` in one transaction, which is committed when it returns and rolled back when it
   * throws. `work` must await nothing but its session: no network, no files, no other database
   * call. After `database_unavailable` the transaction may or may not be committed, so callers make
   * their writes safe to repeat.
   */
  write<T>(work: (session: DbSession) => Promise<T>): Promise<T>;
  /**
   * Reports what `session.invalidate` named in committed transactions, of this process and of
   * others.
   */
  readonly invalidations: Invalidations;
  load(): DatabaseLoad;
  /** Starts to watch for commits of other processes, until `close`. */
  watch(): void;
  close(): Promise<void>;
}
