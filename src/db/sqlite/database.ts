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
/** Pages of the log before they are copied into the database: pages that many commits change are copied once (16 MB). */
const CHECKPOINT_PAGES = 4_000;
const READER_CACHE_KIB = 32_768;
/** More texts than this registry has; a bound, because `inArray` makes a new text for each length. */
const PREPARED_MAX = 500;

/**
 * SQLite plans a statement anew at every run if its plan may depend on a parameter's value, which it believes of every
 * join: measured, 10 to 60 µs instead of one. Of `+?`, which is the same value, it believes that of none.
 */
function withOpaqueParameters(text: string): string {
  return text.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`|\?/g, (part) => (part === "?" ? "+?" : part));
}

/** Prepares each SQL text once: Drizzle prepares at every call, and SQLite's parser would be most of a small read. */
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
  // FULL: a commit is on the disk when it returns. NORMAL would lose the last commits in a power cut.
  client.run("PRAGMA synchronous = FULL");
  client.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  client.run("PRAGMA foreign_keys = ON");
  prepareOnce(client);
  return client;
}

/**
 * The one cast of the query layer: the SQLite builder under the type of the Postgres builder, and the SQLite tables
 * under the type of the Postgres tables. `same-rows.ts` is its proof; both builders have the same methods.
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

/** Drizzle's messages carry parameters, so what SQLite reports is told by its code alone. */
function expected(cause: unknown): unknown {
  const code = errorCode(cause);
  if (code === "SQLITE_FULL" || code === "SQLITE_IOERR_WRITE") return failure({ code: "storage_full" });
  if (code?.startsWith("SQLITE_BUSY")) return failure({ code: "database_unavailable", retryAfterSeconds: 1 });
  return cause;
}

/**
 * Opens the SQLite file at `path`, making it and its directory when missing. One writer connection does one write at a
 * time, because awaiting code would otherwise slip into somebody else's; a second connection reads.
 */
export function openSqlite(path: string): Database & { readonly client: BunDatabase } {
  mkdirSync(dirname(path), { recursive: true });
  const writer = connect(path);
  const reader = connect(path);
  reader.run("PRAGMA query_only = ON");
  // A search ranks a thousand packages that lie anywhere: with the usual 2 MB it takes twice as long.
  reader.run(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
  // Each member of a group has a savepoint, and what it takes to go back to it went through a file: four of five writes.
  writer.run("PRAGMA temp_store = MEMORY");
  writer.run(`PRAGMA busy_timeout = ${WRITER_BUSY_TIMEOUT_MS}`);
  const changed = new Set<string>();
  const writes = sessionOver(writer, (name) => void changed.add(name));
  const reads = sessionOver(reader, rejectInvalidation);
  const invalidations = new Invalidations();
  const commits = new GroupCommit(writer, {
    beforeCommit: () => recordInvalidations(writer, changed),
    afterwards: () => {
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
        throw expected(cause);
      }
    },
    write: async (work) => {
      try {
        return await commits.write(() => work(writes));
      } catch (cause) {
        throw expected(cause);
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
