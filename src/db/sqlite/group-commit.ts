import type { Database as BunDatabase } from "bun:sqlite";
import { errorCode, failure } from "../../errors.ts";

/** SQLite would wait inside the process, which answers nobody meanwhile: so it does not, and we wait between tries. */
export const WRITER_BUSY_TIMEOUT_MS = 0;
/** Another worker holds the lock for some milliseconds, and is done with its next group if one waits much longer. */
const RETRY_MS = 1;
/** How long a write waits for a lock that another process holds. */
const DEADLINE_MS = 5_000;
/** Each keeps what it is about to write in memory. */
const WAITING_MAX = 1_000;
const RETRY_AFTER_SECONDS = 1;
/** Nobody else is served while a group is written. */
const TOGETHER_MAX = 32;

interface Waiting {
  readonly deadlineMs: number;
  /** Works in the open transaction and returns how to tell the caller, for when it is committed. */
  work(): Promise<() => void>;
  fail(cause: unknown): void;
}

/** How a member of a group ended, which its caller hears after the commit: even a refusal may rest on what others wrote. */
interface Ended {
  readonly isKept: boolean;
  tell(): void;
}

interface GroupCommitHooks {
  beforeCommit(): void;
  /** Before anybody hears of it; also after an error, because it may have been committed. */
  afterwards(): void;
}

/**
 * Runs writes one after the other, in the order they came; those that wait at the same time share one transaction, so a
 * commit and its sync cost all of them what they would cost one. Each has a savepoint: one that throws leaves nothing
 * behind and does not harm the others. When the commit fails, or an error ends the transaction, all of the group fail.
 */
export class GroupCommit {
  readonly #writer: BunDatabase;
  readonly #hooks: GroupCommitHooks;
  readonly #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(writer: BunDatabase, hooks: GroupCommitHooks) {
    this.#writer = writer;
    this.#hooks = hooks;
  }

  /** Throws what `work` throws, what SQLite says, or `busy` when too many wait. */
  write<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS }));
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      deadlineMs: performance.now() + DEADLINE_MS,
      work: async () => {
        const done = await work();
        return () => resolve(done);
      },
      fail: reject,
    });
    this.#running ??= this.#run();
    return promise;
  }

  /** Returns when nobody waits any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        // What became ready at the same time comes into one group.
        await new Promise(setImmediate);
        if (await this.#begin()) await this.#writeGroup(this.#waiting.splice(0, TOGETHER_MAX));
      }
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Takes the write lock, which another process may hold: a backup, a migration, a person with a shell. False when there
   * is nobody left who waits for it.
   */
  async #begin(): Promise<boolean> {
    while (this.#waiting.length > 0) {
      try {
        // What could not be rolled back before must not be in what is written now.
        if (this.#writer.inTransaction) this.#execute("ROLLBACK");
        this.#execute("BEGIN IMMEDIATE");
        return true;
      } catch (cause) {
        const isBusy = errorCode(cause)?.startsWith("SQLITE_BUSY");
        const nowMs = performance.now();
        const given = isBusy ? this.#waiting.findIndex(({ deadlineMs }) => deadlineMs >= nowMs) : -1;
        const late = given < 0 ? this.#waiting.splice(0) : this.#waiting.splice(0, given);
        for (const { fail } of late) fail(cause);
        await Bun.sleep(RETRY_MS);
      }
    }
    return false;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    try {
      const ended: Ended[] = [];
      for (const member of group) ended.push(await this.#apart(member));
      if (ended.some(({ isKept }) => isKept)) this.#hooks.beforeCommit();
      this.#execute(ended.some(({ isKept }) => isKept) ? "COMMIT" : "ROLLBACK");
      this.#hooks.afterwards();
      for (const { tell } of ended) tell();
    } catch (cause) {
      this.#rollBack();
      this.#hooks.afterwards();
      for (const { fail } of group) fail(cause);
    }
  }

  #rollBack(): void {
    try {
      if (this.#writer.inTransaction) this.#execute("ROLLBACK");
    } catch {
      // The next group rolls it back before it begins, or tells its callers why it cannot.
    }
  }

  async #apart({ work, fail }: Waiting): Promise<Ended> {
    this.#execute("SAVEPOINT member");
    try {
      const tell = await work();
      this.#execute("RELEASE member");
      return { isKept: true, tell };
    } catch (cause) {
      // A full disk may have ended the transaction, and what others wrote in it is gone.
      if (!this.#writer.inTransaction) throw cause;
      this.#execute("ROLLBACK TO member");
      this.#execute("RELEASE member");
      return { isKept: false, tell: () => fail(cause) };
    }
  }

  #execute(text: string): void {
    this.#writer.prepare(text).run();
  }
}
