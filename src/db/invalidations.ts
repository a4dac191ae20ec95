/** What stands for the log among the names of packages, none of which has a slash. */
export const LOG = "/log";

/** The packages that a commit changed, by name; or that any may have changed, because nobody knows which. */
export type Changed = readonly string[] | "any";

/** What was told is good for this long: a change by another process is known within a second, or nothing is. */
export const KNOWN_FOR_MS = 1_000;

/**
 * Tells which packages changed, for those that remember answers about them: each commit of this process before its
 * caller hears of it, and the commits of others within `KNOWN_FOR_MS`.
 */
export class PackageChanges {
  readonly #listeners: ((changed: Changed) => void)[] = [];
  #knownUntilMs = 0;
  #times = 0;

  /** How often anything changed: what was read since it was the same, is right. */
  get times(): number {
    return this.#times;
  }

  listen(listener: (changed: Changed) => void): void {
    this.#listeners.push(listener);
  }

  tell(changed: Changed): void {
    if (changed.length === 0) return;
    this.#times += 1;
    for (const listener of this.#listeners) listener(changed);
  }

  /** Everything that was committed before `atMs`, in milliseconds of `performance.now()`, has been told. */
  areKnownTo(atMs: number): void {
    this.#knownUntilMs = atMs + KNOWN_FOR_MS;
  }

  /** False where nobody watches, or nothing was heard of other processes for too long: then ask the database. */
  get areKnown(): boolean {
    return performance.now() < this.#knownUntilMs;
  }
}

/** `changes` of a session that only reads. */
export function readsOnly(): never {
  throw new Error("A read changes nothing");
}
