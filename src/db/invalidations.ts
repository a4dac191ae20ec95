/** Stands for the log among package names, none of which has a slash. */
export const LOG = "/log";
/** Stands for the read-only mode among package names. */
export const READ_ONLY = "/read-only";

/** The names of the packages that a commit changed, or "any" when it is not known which. */
export type Invalidated = readonly string[] | "any";

/**
 * Cache entries may be served for one second after the last successful freshness check. After that
 * every lookup misses.
 */
const FRESH_FOR_MS = 1_000;

/**
 * Notifies caches which packages changed. A commit of this process is notified before its caller
 * gets the result, a commit of another process within `FRESH_FOR_MS`.
 */
export class Invalidations {
  readonly #listeners: ((invalidated: Invalidated) => void)[] = [];
  #freshUntilMs = 0;
  #generation = 0;

  /**
   * Grows with every notification. Do not cache a load that began in an earlier generation: it
   * raced with a change.
   */
  get generation(): number {
    return this.#generation;
  }

  listen(listener: (invalidated: Invalidated) => void): void {
    this.#listeners.push(listener);
  }

  notify(invalidated: Invalidated): void {
    if (invalidated.length === 0) return;
    this.#generation += 1;
    for (const listener of this.#listeners) listener(invalidated);
  }

  /**
   * Records that every commit before `atMs`, in milliseconds of `performance.now()`, has been
   * notified.
   */
  markFreshAt(atMs: number): void {
    this.#freshUntilMs = atMs + FRESH_FOR_MS;
  }

  /**
   * False where nobody watches, or where the last freshness check is too long ago. Then ask the
   * database.
   */
  get isFresh(): boolean {
    return performance.now() < this.#freshUntilMs;
  }
}

/** `invalidate` of a session that only reads. */
export function rejectInvalidation(): never {
  throw new Error("A read cannot invalidate a package");
}
