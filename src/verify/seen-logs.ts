import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What this user saw of a log is there and cannot be read. */
export class SeenLogFault extends Error {
  override readonly name = "SeenLogFault";
}

/** The last checkpoint this user saw of a log, and the key that signed it. */
export interface SeenLog {
  readonly vkey: string;
  readonly checkpoint: string;
}

const NAME_MAX = 150;

/** Names a file after any text; two texts never get the same name. */
function fileName(text: string): string {
  const name = encodeURIComponent(text).replaceAll("*", "%2A");
  return name.length <= NAME_MAX ? name : createHash("sha256").update(text).digest("hex");
}

/** What this user knows of logs, in a directory: without it every log would be new, and could be another each time. */
export class SeenLogs {
  constructor(readonly directory: string) {}

  /** Throws when the file is there and cannot be read: taking the log for a new one would forget what was seen. */
  async log(origin: string): Promise<SeenLog | undefined> {
    const seen = await this.#read<Partial<SeenLog>>(`${fileName(origin)}.json`);
    if (seen === undefined) return undefined;
    if (typeof seen.vkey === "string" && typeof seen.checkpoint === "string") {
      return { vkey: seen.vkey, checkpoint: seen.checkpoint };
    }
    throw new SeenLogFault(`${join(this.directory, fileName(origin))}.json does not hold a checkpoint`);
  }

  saveLog(origin: string, seen: SeenLog): Promise<void> {
    return this.#write(`${fileName(origin)}.json`, seen);
  }

  /** The origin of the log that a registry had. */
  async originOf(registry: string): Promise<string | undefined> {
    return (await this.#read<{ readonly origin: string }>(`registry-${fileName(registry)}.json`))?.origin;
  }

  saveOrigin(registry: string, origin: string): Promise<void> {
    return this.#write(`registry-${fileName(registry)}.json`, { registry, origin });
  }

  /** What an audit kept, or `damaged` when that cannot be read: it is a short cut only, and nothing is lost with it. */
  audit<T extends object>(origin: string, damaged: T): Promise<T | undefined> {
    return this.#read<T>(`audit-${fileName(origin)}.json`, damaged);
  }

  saveAudit(origin: string, state: object): Promise<void> {
    return this.#write(`audit-${fileName(origin)}.json`, state);
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
      throw new SeenLogFault(`${path} is damaged; remove it only if you accept to trust the log anew`);
    }
  }

  async #write(name: string, value: object): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const written = join(this.directory, `.${randomUUID()}`);
    try {
      await writeFile(written, `${JSON.stringify(value)}\n`, { flag: "wx", flush: true });
      await rename(written, join(this.directory, name));
    } finally {
      await rm(written, { force: true });
    }
  }
}
