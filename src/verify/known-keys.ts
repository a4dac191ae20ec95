import { readFile } from "node:fs/promises";
import { parseJsonText } from "../domain/json-text.ts";
import { withFileLock } from "./file-lock.ts";
import { replaceJson } from "./replace-file.ts";

/** What this user last saw of who may sign a package, per log and folded name. */
export interface SeenHistory {
  /** SHA-256 of the leaf of the package's first version, in hex. */
  readonly first: string;
  /**
   * The number of the last key leaf, and SHA-256 of that leaf; of the first version's leaf for 0.
   */
  readonly seq: number;
  readonly last: string;
  /** When it was seen, by this user's clock. */
  readonly seenAt: string;
}

type Stored = Record<string, Record<string, SeenHistory>>;

/** The file of key histories exists but cannot be read. */
export class KnownKeysFault extends Error {
  override readonly name = "KnownKeysFault";
}

/**
 * The key histories that this user saw, in one file (`~/.cpm/known-keys.json`). It reveals a
 * registry that later shows another history, or a shorter one.
 */
export class KnownKeys {
  constructor(readonly path: string) {}

  /** Returns what was seen of a package. Throws `KnownKeysFault` when the file is damaged. */
  async of(origin: string, foldedName: string): Promise<SeenHistory | undefined> {
    return ownOf(ownOf(await this.#read(), origin) ?? {}, foldedName);
  }

  /**
   * Saves what was seen of a package, unless another process of this user has seen more of it
   * meanwhile. Processes take turns, so that none loses what another saw.
   */
  save(origin: string, foldedName: string, seen: SeenHistory): Promise<void> {
    return withFileLock(this.path, async () => {
      const stored = await this.#read();
      const ofLog = ownOf(stored, origin) ?? {};
      const other = ownOf(ofLog, foldedName);
      if (other !== undefined && other.seq > seen.seq) return;
      await replaceJson(this.path, { ...stored, [origin]: { ...ofLog, [foldedName]: seen } });
    });
  }

  async #read(): Promise<Stored> {
    const text = await readFile(this.path, "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return "{}";
      throw cause;
    });
    const stored = parsed(text);
    if (stored !== undefined) return stored;
    throw new KnownKeysFault(`${this.path} is damaged; remove it only if you accept to trust every package anew`);
  }
}

/** The value of a record's own member. A package may be called `constructor`. */
function ownOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function parsed(text: string): Stored | undefined {
  try {
    const stored = parseJsonText(text);
    if (typeof stored !== "object" || stored === null) return undefined;
    const isOfLog = (ofLog: unknown) => typeof ofLog === "object" && Object.values(ofLog ?? [null]).every(isSeen);
    return Object.values(stored).every(isOfLog) ? (stored as Stored) : undefined;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function isSeen(seen: unknown): seen is SeenHistory {
  if (typeof seen !== "object" || seen === null) return false;
  const { first, seq, last, seenAt } = seen as Partial<SeenHistory>;
  const isWhen = typeof seenAt === "string" && isTime(seenAt);
  return isDigest(first) && isDigest(last) && isWhen && Number.isSafeInteger(seq) && Number(seq) >= 0;
}

function isDigest(text: unknown): boolean {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

/** A time in any other form would compare as neither earlier nor later than a leaf. */
function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text;
}
