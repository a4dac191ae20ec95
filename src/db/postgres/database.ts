import type { SQL } from "drizzle-orm";
import { drizzle, type PostgresJsDatabase, PostgresJsSession } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { PostgresConnection } from "../../config/connection.ts";
import { errorCode, Failure, failure } from "../../errors.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import type { Database, DbSession } from "../database.ts";
import { Invalidations, rejectInvalidation } from "../invalidations.ts";
import { PendingNotifications, watchPostgres } from "./invalidations.ts";
import * as tables from "./schema.ts";
import { type BatchedForms, batched } from "./statement-batching.ts";

const POOL_CONNECTIONS = 16;
/**
 * Writers that wait for one row must not take every connection. The other half is left to readers.
 */
const WRITER_CONCURRENCY = 8;
const WRITERS_WAITING_MAX = 1_000;
const CONNECT_TIMEOUT_S = 4;
/**
 * The time that one `read` or `write` may take, including the wait for a connection. The server
 * cancels statements a little earlier.
 */
const WORK_DEADLINE_MS = 6_000;
const STATEMENT_TIMEOUT_MS = 5_000;
/**
 * The time that callers of a pool that lost a connection may go on. Those on healthy connections
 * finish; stuck ones are freed.
 */
const ABANDON_AFTER_MS = 1_500;
const RETRY_AFTER_SECONDS = 1;

/**
 * postgres.js reports a lost connection by these codes, Postgres a shutdown or start by the classes
 * 57P and 08.
 */
const LOST_CONNECTION = /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENOENT|57P0|08)/;
const OUT_OF_SPACE = "53100";
const OVERLOADED = /^(53300|57014|40001|40P01|55P03)$/;

/**
 * Overrides the defaults of role and database: a statement must see what was committed before it
 * began (packages/blob-removals.ts).
 */
const SESSION = { application_name: "cpm-registry", default_transaction_isolation: "read committed" } as const;

/**
 * Returns the connection settings of postgres.js. `prefer` first tries TLS and goes on without it,
 * as libpq does.
 */
export function clientOptions(connection: PostgresConnection): postgres.Options<Record<string, never>> {
  const tls = { off: false, prefer: "prefer", require: "require", verify: "verify-full" } as const;
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    username: connection.username,
    password: connection.password.reveal(),
    ssl: tls[connection.tls],
    connect_timeout: CONNECT_TIMEOUT_S,
    // postgres.js waits longer after each failed connect, but the registry must be back as soon as
    // its database is.
    backoff: () => 0.2,
    connection: SESSION,
    onnotice: () => undefined,
  };
}

const PREPARED = { prepare: true };

/** The batched forms of statements, which are the same on every connection. */
const batchedForms: BatchedForms = new Map();

function sessionOver(orm: PostgresJsDatabase, invalidate: DbSession["invalidate"]): DbSession {
  const { session } = orm._;
  if (!(session instanceof PostgresJsSession)) throw new Error("Not a session of postgres.js");
  const client: postgres.Sql = session.client;
  let batchedSession: DbSession | undefined;
  const single: DbSession = {
    query: orm,
    tables,
    rows: async <Row>(statement: SQL) => [...(await orm.execute(statement))] as Row[],
    values: async (text, params) => [...(await client.unsafe(text, params, PREPARED).values())],
    valuesOnce: async (text, params) => [...(await client.unsafe(text, params).values())],
    invalidate,
    batched: () => {
      batchedSession ??= { ...single, values: batched(single.values, batchedForms) };
      return batchedSession;
    },
  };
  return single;
}

/**
 * Thrown when there is no answer within the deadline. `hung` is true if no other caller of the pool
 * got an answer in that time either, so that the pool is not only busy.
 */
class MissedDeadline extends Error {
  constructor(readonly hung: boolean) {
    super("The database did not answer in time");
  }
}

/**
 * A set of connections. When one connection is lost, the whole pool is abandoned and a new one
 * takes its place.
 */
class Pool {
  readonly #client: postgres.Sql;
  readonly #orm: PostgresJsDatabase;
  readonly #session: DbSession;
  readonly #abandoned = Promise.withResolvers<never>();
  readonly #writers = new Semaphore(WRITER_CONCURRENCY, WRITERS_WAITING_MAX);
  #lastAnswerMs = 0;

  constructor(
    connection: PostgresConnection,
    readonly invalidations: Invalidations,
  ) {
    this.#client = postgres({
      ...clientOptions(connection),
      max: POOL_CONNECTIONS,
      idle_timeout: 60,
      connection: { ...SESSION, statement_timeout: STATEMENT_TIMEOUT_MS },
    });
    this.#orm = drizzle(this.#client);
    this.#session = sessionOver(this.#orm, rejectInvalidation);
    this.#abandoned.promise.catch(() => undefined);
  }

  read<T>(work: (session: DbSession) => Promise<T>): Promise<T> {
    return this.#bounded(() => work(this.#session));
  }

  write<T>(work: (session: DbSession) => Promise<T>): Promise<T> {
    return this.#bounded((isLate) =>
      // Do not start a write whose caller gave up while it waited for its turn.
      this.#writers.run(async () => (isLate() ? Promise.reject(new MissedDeadline(false)) : this.#transaction(work))),
    );
  }

  async #transaction<T>(work: (session: DbSession) => Promise<T>): Promise<T> {
    let notifications: PendingNotifications | undefined;
    try {
      return await this.#orm.transaction(async (tx) => {
        const session = sessionOver(tx as object as PostgresJsDatabase, (name) => notifications?.add(name));
        notifications = new PendingNotifications(session.values);
        const done = await work(session);
        await notifications.flush();
        return done;
      });
    } finally {
      // Also after an error, because the transaction may have been committed.
      this.invalidations.notify(notifications?.names ?? []);
    }
  }

  /**
   * Ends the pool without waiting, because `end()` itself can hang on a connection that was lost.
   */
  abandon(): void {
    const lost = failure({ code: "database_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS });
    setTimeout(() => this.#abandoned.reject(lost), ABANDON_AFTER_MS).unref();
    this.#client.end({ timeout: ABANDON_AFTER_MS / 1000 }).catch(() => undefined);
  }

  async close(): Promise<void> {
    const ended = this.#client.end({ timeout: 5 }).catch(() => undefined);
    await Promise.race([ended, Bun.sleep(6_000)]);
  }

  async #bounded<T>(work: (isLate: () => boolean) => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const deadline = Promise.withResolvers<never>();
    const miss = () => deadline.reject(new MissedDeadline(this.#lastAnswerMs < startedMs));
    const timer = setTimeout(miss, WORK_DEADLINE_MS);
    // An async function, so that a synchronous throw is a rejection too. Otherwise nothing would
    // clear the timer.
    const running = (async () => work(() => performance.now() - startedMs > WORK_DEADLINE_MS))();
    // A promise that loses the race below must not end the process as an unhandled rejection.
    running.catch(() => undefined);
    try {
      const result = await Promise.race([running, deadline.promise, this.#abandoned.promise]);
      this.#lastAnswerMs = performance.now();
      return result;
    } finally {
      clearTimeout(timer);
    }
  }
}

function asFailure(cause: unknown): unknown {
  if (cause instanceof Failure) return cause;
  const unavailable = failure({ code: "database_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS });
  if (cause instanceof MissedDeadline) return unavailable;
  const code = errorCode(cause) ?? "";
  if (code === OUT_OF_SPACE) return failure({ code: "storage_full" });
  return LOST_CONNECTION.test(code) || OVERLOADED.test(code) ? unavailable : cause;
}

function isLost(cause: unknown): boolean {
  if (cause instanceof Failure) return cause.error.code === "database_unavailable";
  if (cause instanceof MissedDeadline) return cause.hung;
  return LOST_CONNECTION.test(errorCode(cause) ?? "");
}

/**
 * Opens a pool to Postgres. Connections are made when they are first used.
 *
 * Under Bun some callers of postgres.js hang forever after a server restart. So every call has a
 * deadline, and a pool is replaced when it loses a connection or when nobody on it gets an answer.
 * New callers get fresh connections at once; callers of the old pool end within `ABANDON_AFTER_MS`.
 */
export function openPostgres(connection: PostgresConnection): Database {
  const invalidations = new Invalidations();
  let pool = new Pool(connection, invalidations);
  let stopWatching = () => {};
  const run = async <T>(task: (pool: Pool) => Promise<T>, attempts: number): Promise<T> => {
    const used = pool;
    try {
      return await task(used);
    } catch (cause) {
      if (isLost(cause) && pool === used) {
        pool = new Pool(connection, invalidations);
        used.abandon();
      }
      // A missed deadline is not retried: its caller has waited long enough.
      const again = attempts > 1 && LOST_CONNECTION.test(errorCode(cause) ?? "");
      if (again) return await run(task, attempts - 1);
      throw asFailure(cause);
    }
  };
  return {
    kind: "postgres",
    read: (work) => run((current) => current.read(work), 2),
    // A write may have been committed before its connection was lost, so only its caller can repeat
    // it.
    write: (work) => run((current) => current.write(work), 1),
    invalidations,
    watch: () => {
      stopWatching = watchPostgres(clientOptions(connection), invalidations);
    },
    close: () => {
      stopWatching();
      return pool.close();
    },
  };
}
