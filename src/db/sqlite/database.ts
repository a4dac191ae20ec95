import { Database as BunDatabase, type Statement } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { SQL } from "drizzle-orm";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import { errorCode, failure } from "../../errors.ts";
import type { Database, DbSession, QueryBuilder, SqlValue, Tables } from "../database.ts";
import { Invalidations, rejectInvalidation } from "../invalidations.ts";
import { GroupCommit, WRITER_BUSY_TIMEOUT_MS } from "./group-commit.ts";
import { recordInvalidations, watchSqlite } from "./invalidations.ts";
import * as sqliteTables from "./schema.ts";

const BUSY_TIMEOUT_MS = 5_000;
/**
 * The number of WAL pages at which they are copied into the database (16 MB). Pages that many
 * commits change are copied once.
 */
const CHECKPOINT_PAGES = 4_000;
const READER_CACHE_KIB = 32_768;
/**
 * Larger than the number of SQL texts of this registry. It is bounded because `inArray` makes a new
 * text for each length.
 */
const PREPARED_MAX = 500;

/**
 * Hides parameters from the planner of SQLite. It plans a statement again at every run if the plan
 * may depend on the value of a parameter, which it assumes of every join. `+?` has the same value
 * but never counts as such.
 */
function withOpaqueParameters(text: string): string {
  return text.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`|\?/g, (part) => (part === "?" ? "+?" : part));
}

/**
 * Prepares each SQL text once. Drizzle prepares at every call, and SQLite's parser would be most of
 * the cost of a small read.
 */
function prepareOnce(client: BunDatabase): void {
  const statements = new Map<string, Statement>();
  const prepare = client.prepare.bind(client);
  client.prepare = ((text: string) => {
    const known = statements.get(text);
    if (known !== undefined) return known;
    if (statements.size >= PREPARED_MAX) statements.clear();
    const statement = prepare(withOpaqueParameters(text));
    statements.set(text, statement);
    return statement;
  }) as typeof client.prepare;
}

function connect(path: string): BunDatabase {
  const client = new BunDatabase(path, { create: true, readwrite: true, strict: true });
  client.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  client.run("PRAGMA journal_mode = WAL");
  // FULL: a commit is on the disk when it returns. NORMAL would lose the last commits in a power
  // cut.
  client.run("PRAGMA synchronous = FULL");
  client.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  client.run("PRAGMA foreign_keys = ON");
  prepareOnce(client);
  return client;
}

/**
 * Casts the SQLite builder to the type of the Postgres builder, and the SQLite tables to the type
 * of the Postgres tables. It is safe because both builders have the same methods and both schemas
 * come from one definition (tables.ts).
 */
function sessionOver(client: BunDatabase, invalidate: DbSession["invalidate"]): DbSession {
  const orm: BunSQLiteDatabase = drizzle(client);
  const values: DbSession["values"] = async (text, params) =>
    client.prepare<unknown, SqlValue[]>(text).values(...params);
  const session: DbSession = {
    query: orm as object as QueryBuilder,
    tables: sqliteTables as object as Tables,
    rows: async <Row>(statement: SQL) => orm.all<Row>(statement),
    values,
    valuesOnce: values,
    invalidate,
    batched: () => session,
  };
  return session;
}

/** Maps an error of SQLite by its code alone, because messages of Drizzle contain parameters. */
function asFailure(cause: unknown): unknown {
  const code = errorCode(cause);
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_WRITE") return failure({ code: "storage_full" });
  if (code?.startsWith("SQLITE_BUSY")) return failure({ code: "database_unavailable", retryAfterSeconds: 1 });
  return cause;
}

/**
 * Opens the SQLite file at `path`, and creates it and its directory if they are missing. One writer
 * connection does one write at a time, because statements of other writes could otherwise slip
 * between those of an asynchronous one. A second connection reads.
 */
export function openSqlite(path: string): Database & { readonly client: BunDatabase } {
  mkdirSync(dirname(path), { recursive: true });
  const writer = connect(path);
  const reader = connect(path);
  reader.run("PRAGMA query_only = ON");
  // A search ranks a thousand packages from anywhere in the file, which do not fit into SQLite's
  // default cache.
  reader.run(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
  // Each member of a group has a savepoint. Without this, SQLite writes what a savepoint needs for
  // a rollback to a temporary file.
  writer.run("PRAGMA temp_store = MEMORY");
  writer.run(`PRAGMA busy_timeout = ${WRITER_BUSY_TIMEOUT_MS}`);
  const changed = new Set<string>();
  const writes = sessionOver(writer, (name) => void changed.add(name));
  const reads = sessionOver(reader, rejectInvalidation);
  const invalidations = new Invalidations();
  const commits = new GroupCommit(writer, {
    beforeCommit: () => recordInvalidations(writer, changed),
    afterGroup: () => {
      invalidations.notify([...changed]);
      changed.clear();
    },
  });
  let stopWatching = () => {};
  return {
    kind: "sqlite",
    client: writer,
    read: async (work) => {
      try {
        return await work(reads);
      } catch (cause) {
        throw asFailure(cause);
      }
    },
    write: async (work) => {
      try {
        return await commits.write(() => work(writes));
      } catch (cause) {
        throw asFailure(cause);
      }
    },
    invalidations,
    watch: () => {
      stopWatching = watchSqlite(reader, invalidations);
    },
    close: async () => {
      stopWatching();
      await commits.settled();
      reader.close();
      writer.close();
    },
  };
}
