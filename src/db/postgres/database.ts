import type { SQL } from "drizzle-orm";
import { drizzle, type PostgresJsDatabase, PostgresJsSession } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { PostgresConnection } from "../../config/connection.ts";
import { errorCode, Failure } from "../../errors.ts";
import { faultCode } from "../../runtime/fault-codes.ts";
import { Semaphore } from "../../runtime/semaphore.ts";
import { DatabaseCondition, type ReportEvent } from "../condition.ts";
import type { Database, DatabaseLoad, DbSession } from "../database.ts";
import { databaseFailure, unavailable } from "../failure.ts";
import { Invalidations, rejectInvalidation } from "../invalidations.ts";
import { clientOptions } from "./client-options.ts";
import { PendingNotifications, watchPostgres } from "./invalidations.ts";
import * as tables from "./schema.ts";
import { type BatchedForms, batched } from "./statement-batching.ts";

const POOL_CONNECTIONS = 16;
/**
 * Writers that wait for one row must not take every connection. The other half is left to readers.
 */
const WRITER_CONCURRENCY = 8;
const WRITERS_WAITING_MAX = 1_000;
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
/**
 * A pool whose server accepts no writes is replaced at most so often. After a failover, a new
 * connection may reach the server that does.
 */
const REPLACE_READ_ONLY_MS = 5_000;

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
  /** Rejects the work that is under way. */
  readonly #underWay = new Set<(lost: Error) => void>();
  #lost: Error | undefined;
  readonly #writers = new Semaphore(WRITER_CONCURRENCY, WRITERS_WAITING_MAX);
  #lastAnswerMs = 0;

  constructor(
    connection: PostgresConnection,
    readonly invalidations: Invalidations,
  ) {
    const options = clientOptions(connection);
    this.#client = postgres({
      ...options,
      max: POOL_CONNECTIONS,
      idle_timeout: 60,
      connection: { ...options.connection, statement_timeout: STATEMENT_TIMEOUT_MS },
    });
    this.#orm = drizzle(this.#client);
    this.#session = sessionOver(this.#orm, rejectInvalidation);
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

  get load(): DatabaseLoad {
    const waitingWrites = this.#writers.waiting;
    const busy = Math.min(POOL_CONNECTIONS, this.#underWay.size - waitingWrites);
    return { busy, idle: POOL_CONNECTIONS - busy, waitingWrites };
  }

  /**
   * Ends the pool without waiting, because `end()` itself can hang on a connection that was lost.
   */
  abandon(): void {
    const lost = unavailable();
    const reject = () => {
      this.#lost = lost;
      for (const rejectWork of this.#underWay) rejectWork(lost);
    };
    setTimeout(reject, ABANDON_AFTER_MS).unref();
    this.#client.end({ timeout: ABANDON_AFTER_MS / 1000 }).catch(() => undefined);
  }

  async close(): Promise<void> {
    const ended = this.#client.end({ timeout: 5 }).catch(() => undefined);
    await Promise.race([ended, Bun.sleep(6_000)]);
  }

  async #bounded<T>(work: (isLate: () => boolean) => Promise<T>): Promise<T> {
    if (this.#lost !== undefined) throw this.#lost;
    const startedMs = performance.now();
    // Each work has a promise of its own. A race with a promise that lives as long as the pool would
    // keep every result as long.
    const deadline = Promise.withResolvers<never>();
    this.#underWay.add(deadline.reject);
    const miss = () => deadline.reject(new MissedDeadline(this.#lastAnswerMs < startedMs));
    const timer = setTimeout(miss, WORK_DEADLINE_MS);
    // An async function, so that a synchronous throw is a rejection too. Otherwise nothing would
    // clear the timer.
    const running = (async () => work(() => performance.now() - startedMs > WORK_DEADLINE_MS))();
    // A promise that loses the race below must not end the process as an unhandled rejection.
    running.catch(() => undefined);
    try {
      const result = await Promise.race([running, deadline.promise]);
      this.#lastAnswerMs = performance.now();
      return result;
    } finally {
      clearTimeout(timer);
      this.#underWay.delete(deadline.reject);
    }
  }
}

function kindOf(cause: unknown) {
  return cause instanceof Failure ? undefined : faultCode(errorCode(cause))?.kind;
}

function isLost(cause: unknown): boolean {
  if (cause instanceof Failure) return cause.error.code === "database_unavailable";
  return cause instanceof MissedDeadline ? cause.hung : kindOf(cause) === "lost";
}

/**
 * Opens a pool to Postgres. Connections are made when they are first used.
 *
 * Under Bun some callers of postgres.js hang forever after a server restart. So every call has a
 * deadline, and a pool is replaced when it loses a connection or when nobody on it gets an answer.
 * New callers get fresh connections at once; callers of the old pool end within `ABANDON_AFTER_MS`.
 */
export function openPostgres(connection: PostgresConnection, report?: ReportEvent): Database {
  const invalidations = new Invalidations();
  const condition = new DatabaseCondition(report);
  let pool = new Pool(connection, invalidations);
  let replacedMs = Number.NEGATIVE_INFINITY;
  let stopWatching = () => {};
  const isUnusable = (cause: unknown) =>
    isLost(cause) || (kindOf(cause) === "unwritable" && performance.now() - replacedMs > REPLACE_READ_ONLY_MS);
  const run = async <T>(task: (pool: Pool) => Promise<T>, isWrite: boolean, attempts: number): Promise<T> => {
    const used = pool;
    try {
      const result = await task(used);
      if (isWrite) condition.noteWritten();
      return result;
    } catch (cause) {
      if (pool === used && isUnusable(cause)) {
        replacedMs = performance.now();
        pool = new Pool(connection, invalidations);
        used.abandon();
      }
      // A missed deadline is not retried: its caller has waited long enough.
      if (attempts > 1 && kindOf(cause) === "lost") return await run(task, isWrite, attempts - 1);
      if (cause instanceof MissedDeadline && cause.hung && isWrite) condition.noteHungWrite();
      condition.noteFault(cause, isWrite);
      throw cause instanceof MissedDeadline ? unavailable() : databaseFailure(cause);
    }
  };
  return {
    kind: "postgres",
    condition,
    read: (work) => run((current) => current.read(work), false, 2),
    // A write may have been committed before its connection was lost, so only its caller can repeat
    // it.
    write: (work) => run((current) => current.write(work), true, 1),
    invalidations,
    load: () => pool.load,
    watch: () => {
      stopWatching = watchPostgres(clientOptions(connection), invalidations);
    },
    close: () => {
      stopWatching();
      return pool.close();
    },
  };
}
