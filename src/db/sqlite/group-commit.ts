import type { Database as BunDatabase } from "bun:sqlite";
import { errorCode, failure } from "../../errors.ts";
import { faultCode } from "../../runtime/fault-codes.ts";

/**
 * SQLite would wait for the lock inside the process, which answers nobody meanwhile. So it does not
 * wait, and this file retries.
 */
export const WRITER_BUSY_TIMEOUT_MS = 0;
/**
 * Another process holds the lock for some milliseconds. After a much longer pause it might hold it
 * again for its next group.
 */
const RETRY_MS = 1;
/** The time that a write waits for a lock that another process holds. */
const DEADLINE_MS = 5_000;
/** Bounded because each waiting write keeps its data in memory. */
const WAITING_MAX = 1_000;
const RETRY_AFTER_SECONDS = 1;
/** Bounded because nothing else is served while a group is written. */
const GROUP_MAX = 32;

interface WaitingWrite {
  readonly deadlineMs: number;
  /**
   * Runs in the open transaction and returns a function that resolves the caller, to be called
   * after the commit.
   */
  work(): Promise<() => void>;
  fail(cause: unknown): void;
}

/**
 * The result of a member of a group. Its caller gets it after the commit: even a refusal may depend
 * on what other members wrote.
 */
interface MemberResult {
  readonly isWritten: boolean;
  settle(): void;
}

interface GroupCommitHooks {
  beforeCommit(): void;
  /** Runs after a commit. When it throws, all callers get that instead of their results. */
  afterCommit(): void;
  /**
   * Runs before any caller gets its result. Also runs after an error, because the transaction may
   * have been committed.
   */
  afterGroup(): void;
}

/**
 * Runs writes one after the other, in the order they came. Writes that wait at the same time share
 * one transaction, so one commit and its sync serve all of them.
 *
 * Each write has a savepoint: one that throws leaves nothing behind and does not harm the others.
 * When the commit fails, or an error ends the transaction, all writes of the group fail.
 */
export class GroupCommit {
  readonly #writer: BunDatabase;
  readonly #hooks: GroupCommitHooks;
  readonly #waiting: WaitingWrite[] = [];
  #maintenance: (() => void) | undefined;
  #running: Promise<void> | undefined;

  constructor(writer: BunDatabase, hooks: GroupCommitHooks) {
    this.#writer = writer;
    this.#hooks = hooks;
  }

  /** True while a group is written. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** How many writes wait for the next group. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Throws what `work` throws, the error of SQLite, or `busy` when too many writes wait. */
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

  /** Runs `work` as soon as no transaction is open. */
  betweenGroups(work: () => void): void {
    if (this.#running === undefined) work();
    else this.#maintenance = work;
  }

  /** Returns when no write waits any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        this.#maintenance?.();
        this.#maintenance = undefined;
        // Writes that became ready at the same time join one group.
        await new Promise(setImmediate);
        if (await this.#begin()) await this.#writeGroup(this.#waiting.splice(0, GROUP_MAX));
      }
    } finally {
      this.#running = undefined;
    }
  }

  /**
   * Takes the write lock, which another process may hold: a backup, a migration, a person with a
   * shell. False when no write is left that waits for it.
   */
  async #begin(): Promise<boolean> {
    while (this.#waiting.length > 0) {
      try {
        // A transaction that could not be rolled back before must not become part of this one.
        if (this.#writer.inTransaction) this.#execute("ROLLBACK");
        this.#execute("BEGIN IMMEDIATE");
        return true;
      } catch (cause) {
        const isBusy = faultCode(errorCode(cause))?.kind === "contended";
        const nowMs = performance.now();
        const firstInTime = isBusy ? this.#waiting.findIndex(({ deadlineMs }) => deadlineMs >= nowMs) : -1;
        const late = firstInTime < 0 ? this.#waiting.splice(0) : this.#waiting.splice(0, firstInTime);
        for (const { fail } of late) fail(cause);
        await Bun.sleep(RETRY_MS);
      }
    }
    return false;
  }

  async #writeGroup(group: readonly WaitingWrite[]): Promise<void> {
    try {
      const results: MemberResult[] = [];
      for (const member of group) results.push(await this.#runMember(member));
      const isWritten = results.some((result) => result.isWritten);
      if (isWritten) this.#hooks.beforeCommit();
      this.#execute(isWritten ? "COMMIT" : "ROLLBACK");
      if (isWritten) this.#hooks.afterCommit();
      this.#hooks.afterGroup();
      for (const { settle } of results) settle();
    } catch (cause) {
      this.#rollBack();
      this.#hooks.afterGroup();
      for (const { fail } of group) fail(cause);
    }
  }

  #rollBack(): void {
    try {
      if (this.#writer.inTransaction) this.#execute("ROLLBACK");
    } catch {
      // The next group rolls it back before it begins, or fails with the reason why it cannot.
    }
  }

  async #runMember({ work, fail }: WaitingWrite): Promise<MemberResult> {
    this.#execute("SAVEPOINT member");
    try {
      const settle = await work();
      this.#execute("RELEASE member");
      return { isWritten: true, settle };
    } catch (cause) {
      // A full disk may have ended the transaction. Then what other members wrote in it is gone.
      if (!this.#writer.inTransaction) throw cause;
      this.#execute("ROLLBACK TO member");
      this.#execute("RELEASE member");
      return { isWritten: false, settle: () => fail(cause) };
    }
  }

  #execute(text: string): void {
    this.#writer.prepare(text).run();
  }
}
