import { Database as BunDatabase, type Statement } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { SQL } from "drizzle-orm";
import { type BunSQLiteDatabase, drizzle } from "drizzle-orm/bun-sqlite";
import { errorCode, failure } from "../../errors.ts";
import { DatabaseCondition, type ReportEvent } from "../condition.ts";
import type { Database, DbSession, QueryBuilder, SqlValue, Tables } from "../database.ts";
import { databaseFailure } from "../failure.ts";
import { Invalidations, rejectInvalidation } from "../invalidations.ts";
import { CHECKPOINT_PAGES, Checkpoints } from "./checkpoints.ts";
import { DatabaseFiles } from "./database-files.ts";
import { GroupCommit, WRITER_BUSY_TIMEOUT_MS } from "./group-commit.ts";
import { recordInvalidations, watchSqlite } from "./invalidations.ts";
import * as sqliteTables from "./schema.ts";
import { allocateWalIndex } from "./wal-index.ts";

const BUSY_TIMEOUT_MS = 5_000;
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
 * the cost of a small read. Closing the connection ends the statements, which would keep the file
 * open.
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
  const close = client.close.bind(client);
  client.close = (throwOnError) => {
    for (const statement of statements.values()) statement.finalize();
    statements.clear();
    close(throwOnError);
  };
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

function asFailure(cause: unknown, files: DatabaseFiles): unknown {
  const isIoError = /^SQLITE_(?:IOERR|CANTOPEN)/.test(errorCode(cause) ?? "");
  return isIoError && files.isFull() ? failure({ code: "storage_full" }, cause) : databaseFailure(cause);
}

function connectReader(path: string): BunDatabase {
  const reader = connect(path);
  reader.run("PRAGMA query_only = ON");
  // A search ranks a thousand packages from anywhere in the file, which do not fit into SQLite's
  // default cache.
  reader.run(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
  return reader;
}

function connectWriter(path: string): BunDatabase {
  const writer = connect(path);
  // Each member of a group has a savepoint. Without this, SQLite writes what a savepoint needs for
  // a rollback to a temporary file.
  writer.run("PRAGMA temp_store = MEMORY");
  writer.run(`PRAGMA busy_timeout = ${WRITER_BUSY_TIMEOUT_MS}`);
  return writer;
}

/**
 * Opens the SQLite file at `path`, and creates it and its directory if they are missing. One writer
 * connection does one write at a time, because statements of other writes could otherwise slip
 * between those of an asynchronous one. A second connection reads.
 */
export function openSqlite(path: string, report?: ReportEvent): Database & { readonly client: BunDatabase } {
  mkdirSync(dirname(path), { recursive: true });
  const writer = connectWriter(path);
  const reader = connectReader(path);
  const changed = new Set<string>();
  const writes = sessionOver(writer, (name) => void changed.add(name));
  const reads = sessionOver(reader, rejectInvalidation);
  const invalidations = new Invalidations();
  const releaseIndex = allocateWalIndex(path);
  const files = new DatabaseFiles(path);
  const condition = new DatabaseCondition(report, () => files.isFull());
  const requireSameFiles = () => {
    condition.noteReplacedFile(files.replaced());
    condition.requireSameFile();
  };
  const commits = new GroupCommit(writer, {
    beforeCommit: () => recordInvalidations(writer, changed),
    afterCommit: () => {
      requireSameFiles();
      condition.noteWritten();
    },
    afterGroup: () => {
      invalidations.notify([...changed]);
      changed.clear();
    },
  });
  const checkpoints = new Checkpoints(writer, files, condition);
  let stopWatching = () => {};
  const run = async <T>(isWrite: boolean, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      condition.noteFault(cause, isWrite);
      throw asFailure(cause, files);
    }
  };
  return {
    kind: "sqlite",
    client: writer,
    condition,
    read: (work) => run(false, () => work(reads)),
    write: (work) =>
      run(true, () => {
        condition.requireSameFile();
        return commits.write(() => work(writes));
      }),
    invalidations,
    // The reading connection answers at once: nobody can see it busy.
    load: () => ({ busy: commits.isRunning ? 1 : 0, idle: commits.isRunning ? 1 : 2, waitingWrites: commits.waiting }),
    watch: () => {
      stopWatching = watchSqlite(reader, invalidations, () => {
        condition.noteReplacedFile(files.replaced());
        if (checkpoints.isDue) commits.betweenGroups(() => checkpoints.run());
      });
    },
    close: async () => {
      stopWatching();
      await commits.settled();
      reader.close();
      writer.close();
      releaseIndex();
    },
  };
}
