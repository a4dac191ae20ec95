import type { Deps } from "../deps.ts";
import { Failure, failure } from "../errors.ts";
import type { PendingPublication, Recorded } from "./insert-versions.ts";
import { recordBatch } from "./record.ts";

/**
 * The most members of a batch. While a batch is written, SQLite serves no other writer, and
 * Postgres holds the members' packages locked.
 */
const BATCH_MAX = 32;
/**
 * The most characters that the texts of a batch may have: they are in memory several times while
 * they go to the database.
 */
const BATCH_MAX_CHARS = 1024 * 1024;
/** About how many characters a file takes in the list of an archive's files. */
const LISTED_CHARS = 150;

/**
 * How many publications may wait. Each holds its texts in memory, and an archive of some kilobytes
 * can hold megabytes of text.
 */
const WAITING_MAX = 1_000;
const WAITING_MAX_CHARS = 32 * 1024 * 1024;
/** The longest wait, the same as that of one write for its database. */
const WAITING_MAX_MS = 5_000;
const RETRY_AFTER_SECONDS = 1;

type RecordDeps = Pick<Deps, "db" | "config" | "log" | "failpoints">;

interface Waiting {
  readonly pending: PendingPublication;
  readonly chars: number;
  readonly sinceMs: number;
  resolve(recorded: Recorded | undefined): void;
  reject(cause: unknown): void;
}

function charsOf({ publication: { inspection } }: PendingPublication): number {
  const { manifestText, readme = "", values = "", files } = inspection;
  return manifestText.length + readme.length + values.length + files.length * LISTED_CHARS;
}

/**
 * Batches publications on the fast path: those that come while a transaction runs share the next
 * one. A publication that comes while none runs is recorded at once.
 */
export class PublishBatcher {
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  /**
   * Records a version that the precheck found on the fast path. Returns undefined, with nothing
   * recorded, where the publication must go alone: it is not on the fast path any more, its package
   * or account is locked, or the transaction of its batch failed. Throws what `Database.write`
   * throws, and `busy` when too many publications wait.
   */
  record(deps: RecordDeps, pending: PendingPublication): Promise<Recorded | undefined> {
    const chars = charsOf(pending);
    const isTooMuch = this.#waiting.length > 0 && this.#waitingChars() + chars > WAITING_MAX_CHARS;
    if (this.#waiting.length >= WAITING_MAX || isTooMuch) {
      return Promise.reject(failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS }));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pending, chars, sinceMs: performance.now(), resolve, reject });
      this.#running ??= this.#run(deps);
    });
  }

  #waitingChars(): number {
    return this.#waiting.reduce((sum, { chars }) => sum + chars, 0);
  }

  async #run(deps: RecordDeps): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#recordSome(deps);
      this.#dismissLate();
    }
    this.#running = undefined;
  }

  async #recordSome(deps: RecordDeps): Promise<void> {
    let taken: readonly Waiting[] = [];
    let isOver = false;
    try {
      const recorded = await deps.db.write(async (session) => {
        // `write` gave this transaction up before it began. Nobody would get the results of members
        // that it took now.
        if (isOver) throw new Error("A transaction began too late");
        taken = this.#take();
        const batch = taken.map(({ pending }) => pending);
        const done = await recordBatch(session, deps, batch);
        for (const one of done) if (one !== undefined) deps.failpoints.hit("publish.inserted");
        return done;
      });
      for (const [at, { resolve }] of taken.entries()) resolve(recorded[at]);
    } catch (cause) {
      isOver = true;
      // If the database is gone or full, that holds for every publication that waits. Any other
      // failure may concern one member, so then each member is recorded alone.
      if (cause instanceof Failure) for (const { reject } of [...taken, ...this.#waiting.splice(0)]) reject(cause);
      else for (const { resolve } of taken.length > 0 ? taken : this.#waiting.splice(0)) resolve(undefined);
    }
  }

  /**
   * Rejects publications that waited too long. Nothing was begun for them, so their clients may
   * safely retry.
   */
  #dismissLate(): void {
    const lateMs = performance.now() - WAITING_MAX_MS;
    // The oldest is first.
    for (let [first] = this.#waiting; first !== undefined && first.sinceMs < lateMs; [first] = this.#waiting) {
      this.#waiting.shift();
      first.reject(failure({ code: "database_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS }));
    }
  }

  /**
   * Takes the oldest waiting publications, at most one of each package. It takes at least the very
   * first, however long its texts are.
   */
  #take(): Waiting[] {
    const taken = new Map<string, Waiting>();
    const left: Waiting[] = [];
    let chars = 0;
    for (const one of this.#waiting) {
      const { name } = one.pending.publication.inspection.manifest;
      const all = chars + one.chars;
      const isFull = taken.size === BATCH_MAX || (taken.size > 0 && all > BATCH_MAX_CHARS);
      if (isFull || taken.has(name)) left.push(one);
      else {
        taken.set(name, one);
        chars = all;
      }
    }
    this.#waiting = left;
    return [...taken.values()];
  }
}
