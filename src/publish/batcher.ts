import type { Deps } from "../deps.ts";
import { Failure, failure } from "../errors.ts";
import type { PendingPublication, Recorded } from "./insert-versions.ts";
import { recordBatch } from "./record.ts";

/** On SQLite nobody else is served while they are written; on Postgres their packages are locked. */
const TOGETHER_MAX = 32;
/** Of what is kept of their archives as text: it is in memory several times while it goes to the database. */
const TOGETHER_MAX_CHARS = 1024 * 1024;
/** What a file in an archive takes in the list of its files, roughly. */
const LISTED_CHARS = 150;

/** Each keeps its texts in memory, which an archive of some kilobytes can fill with megabytes. */
const WAITING_MAX = 1_000;
const WAITING_MAX_CHARS = 32 * 1024 * 1024;
/** As long as one write may wait for its database. */
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
 * Where plain updates wait for one another: those that come while a transaction is under way share the next one. One
 * that waits for nobody is recorded at once.
 */
export class PublishBatcher {
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  /**
   * Records a version that the precheck found to be a plain update. Undefined, with nothing recorded, where it must go alone: it is
   * no plain update any more, its package or account is locked, or what it was together with failed. Throws what `Database.write`
   * throws, and `busy` when too many wait.
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
        // Given up before it began: whom it took now, nobody would tell.
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
      // A database that is gone or full is so for all that wait; anything else may be about one of them.
      if (cause instanceof Failure) for (const { reject } of [...taken, ...this.#waiting.splice(0)]) reject(cause);
      else for (const { resolve } of taken.length > 0 ? taken : this.#waiting.splice(0)) resolve(undefined);
    }
  }

  /** Nothing of theirs was begun, so it is safe to tell them to come again. */
  #dismissLate(): void {
    const lateMs = performance.now() - WAITING_MAX_MS;
    // They wait in the order in which they came.
    for (let [first] = this.#waiting; first !== undefined && first.sinceMs < lateMs; [first] = this.#waiting) {
      this.#waiting.shift();
      first.reject(failure({ code: "database_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS }));
    }
  }

  /** The first that wait, one of each package, and at least the very first. */
  #take(): Waiting[] {
    const taken = new Map<string, Waiting>();
    const left: Waiting[] = [];
    let chars = 0;
    for (const one of this.#waiting) {
      const { name } = one.pending.publication.inspection.manifest;
      const all = chars + one.chars;
      const isFull = taken.size === TOGETHER_MAX || (taken.size > 0 && all > TOGETHER_MAX_CHARS);
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
