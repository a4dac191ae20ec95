import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeJson } from "./write-json.ts";

/** The saved state of a log exists but cannot be read. */
export class SeenLogFault extends Error {
  override readonly name = "SeenLogFault";
}

/** The last checkpoint this user saw of a log, and the key that signed it. */
export interface SeenLog {
  readonly vkey: string;
  readonly checkpoint: string;
}

const NAME_MAX = 150;

/** Returns a file name for any text. Two texts never get the same name. */
function fileName(text: string): string {
  const name = encodeURIComponent(text).replaceAll("*", "%2A");
  return name.length <= NAME_MAX ? name : createHash("sha256").update(text).digest("hex");
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
    const seen = await this.#read<Partial<SeenLog>>(`${fileName(origin)}.json`);
    if (seen === undefined) return undefined;
    if (typeof seen.vkey === "string" && typeof seen.checkpoint === "string") {
      return { vkey: seen.vkey, checkpoint: seen.checkpoint };
    }
    throw new SeenLogFault(`${join(this.directory, fileName(origin))}.json does not hold a checkpoint`);
  }

  /** Saves the last checkpoint seen of a log. */
  saveLog(origin: string, seen: SeenLog): Promise<void> {
    return writeJson(join(this.directory, `${fileName(origin)}.json`), seen);
  }

  /** Returns the origin of the log that a registry had. */
  async originOf(registry: string): Promise<string | undefined> {
    return (await this.#read<{ readonly origin: string }>(`registry-${fileName(registry)}.json`))?.origin;
  }

  /** Saves the origin of a registry's log. */
  saveOrigin(registry: string, origin: string): Promise<void> {
    return writeJson(join(this.directory, `registry-${fileName(registry)}.json`), { registry, origin });
  }

  /**
   * Returns the saved state of an audit, or `damaged` if it cannot be read. The state only saves
   * time, so losing it is harmless.
   */
  audit<T extends object>(origin: string, damaged: T): Promise<T | undefined> {
    return this.#read<T>(`audit-${fileName(origin)}.json`, damaged);
  }

  /** Saves the state of an audit. */
  saveAudit(origin: string, state: object): Promise<void> {
    return writeJson(join(this.directory, `audit-${fileName(origin)}.json`), state);
  }

  async #read<T>(name: string, damaged?: T): Promise<T | undefined> {
    const path = join(this.directory, name);
    const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return undefined;
      throw cause;
    });
    try {
      return text === undefined ? undefined : JSON.parse(text);
    } catch {
      if (damaged !== undefined) return damaged;
      throw new SeenLogFault(`${path} is damaged; remove it only if you accept to trust the log as if it were new`);
    }
  }
}
