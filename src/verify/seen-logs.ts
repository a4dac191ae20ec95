import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ifThere } from "../runtime/if-there.ts";
import { withFileLock } from "./file-lock.ts";
import { replaceFile, replaceJson } from "./replace-file.ts";

/** The saved state of a log exists but cannot be read. */
export class SeenLogFault extends Error {
  override readonly name = "SeenLogFault";
}

/** The last checkpoint this user saw of a log, and the key that signed it. */
export interface SeenLog {
  readonly vkey: string;
  readonly checkpoint: string;
  /** The keys that this one replaced. What they sign alone does not count any more. */
  readonly retired: readonly string[];
}

const NAME_MAX = 150;

/**
 * Returns a file name for any text. Two texts never get the same name: encoding makes no `%s`, with
 * which the others begin.
 */
function fileName(text: string): string {
  const name = encodeURIComponent(text).replaceAll("*", "%2A");
  return name.length <= NAME_MAX ? name : `%sha256-${createHash("sha256").update(text).digest("hex")}`;
}

/**
 * Returns the name of a log's file. A log chooses its origin, and must not get the file of a
 * registry: nothing else encodes an `r`.
 */
function logFileName(origin: string): string {
  return `${fileName(origin).replace(/^r(?=egistry-)/, "%72")}.json`;
}

function registryFileName(registry: string): string {
  return `registry-${fileName(registry)}.json`;
}

/**
 * Stores what this user has seen of logs in a directory. Without it every log would be new, and a
 * registry could show another log each time.
 */
export class SeenLogs {
  constructor(readonly directory: string) {}

  /**
   * Returns the last checkpoint seen of a log, or undefined for a new log. Throws `SeenLogFault` if
   * the file is damaged: treating the log as new would forget what was seen.
   */
  async log(origin: string): Promise<SeenLog | undefined> {
    const seen = await this.#read<Partial<SeenLog>>(logFileName(origin));
    if (seen === undefined) return undefined;
    const { vkey, checkpoint, retired = [] } = seen;
    const isWhole = typeof vkey === "string" && typeof checkpoint === "string" && Array.isArray(retired);
    if (isWhole && retired.every((key) => typeof key === "string")) return { vkey, checkpoint, retired };
    throw new SeenLogFault(`${join(this.directory, logFileName(origin))} does not hold a checkpoint`);
  }

  /**
   * Saves the last checkpoint seen of a log, unless `isNewer` says that the one that is there now
   * is newer. Processes take turns, so that an older checkpoint never replaces a newer one.
   */
  saveLog(origin: string, seen: SeenLog, isNewer: (there: SeenLog) => boolean): Promise<void> {
    const path = join(this.directory, logFileName(origin));
    return withFileLock(path, async () => {
      const there = await this.log(origin);
      if (there === undefined || !(isSame(there, seen) || isNewer(there))) await replaceJson(path, seen);
    });
  }

  /** Returns the origin of the log that a registry had. */
  async originOf(registry: string): Promise<string | undefined> {
    return (await this.#read<{ readonly origin: string }>(registryFileName(registry)))?.origin;
  }

  /** Saves the origin of a registry's log. */
  async saveOrigin(registry: string, origin: string): Promise<void> {
    if ((await this.originOf(registry)) === origin) return;
    await replaceJson(join(this.directory, registryFileName(registry)), { registry, origin });
  }

  /** Returns the saved state of an audit, as `saveAudit` got it. */
  async audit(origin: string): Promise<Uint8Array | undefined> {
    return ifThere(() => readFile(this.#auditPath(origin)));
  }

  /** Saves the state of an audit. The state only saves time, so losing it is harmless. */
  saveAudit(origin: string, state: readonly Uint8Array[]): Promise<void> {
    return replaceFile(this.#auditPath(origin), state);
  }

  #auditPath(origin: string): string {
    return join(this.directory, `audit-${fileName(origin)}.state`);
  }

  async #read<T>(name: string): Promise<T | undefined> {
    const path = join(this.directory, name);
    const text = await ifThere(() => readFile(path, "utf8"));
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      throw new SeenLogFault(`${path} is damaged; remove it only if you accept to trust the log as if it were new`);
    }
  }
}

/** What is there already need not be written again, which waits for the disk. */
function isSame(a: SeenLog, b: SeenLog): boolean {
  return a.vkey === b.vkey && a.checkpoint === b.checkpoint && a.retired.join() === b.retired.join();
}
