import { Failure, failure } from "../errors.ts";
import { ByteBudget } from "../runtime/byte-budget.ts";
import { discardFile } from "./incoming.ts";

/** A reader who waits longer gets `busy`: stalled readers hold their files until they time out. */
const WAITING_MAX = 1_000;
const WAIT_MAX_MS = 10_000;
const RETRY_AFTER_SECONDS = 5;

interface SpilledFile {
  /** Resolves to a function that gives back the room of the file. */
  readonly room: Promise<() => void>;
  /** Undefined if there is no such blob. */
  readonly path: Promise<string | undefined>;
  readers: number;
}

/**
 * Local files with archives on their way from S3 to clients. Their size is bounded together,
 * because a client that reads slowly or not at all holds its file. Clients that read the same bytes
 * at the same time share one file.
 */
export class SpilledFiles {
  readonly #files = new Map<string, SpilledFile>();
  readonly #budget: ByteBudget;

  constructor(maxBytes: number, waitMaxMs = WAIT_MAX_MS) {
    this.#budget = new ByteBudget({ maxBytes, waitingMax: WAITING_MAX, waitMaxMs });
  }

  /**
   * Returns the path of the file with the bytes that `key` names. If no other reader has it,
   * `download` makes it. The file is removed when `sent` has resolved for all its readers. Throws
   * `busy`, and what `download` throws.
   */
  async open(
    key: string,
    bytes: number,
    sent: () => Promise<void>,
    download: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const file = this.#files.get(key) ?? this.#begin(key, bytes, download);
    file.readers += 1;
    try {
      const path = await file.path;
      if (path === undefined) this.#leave(key, file);
      else void sent().then(() => this.#leave(key, file));
      return path;
    } catch (cause) {
      this.#leave(key, file);
      throw cause;
    }
  }

  /** Removes all files, because the process ends. */
  async close(): Promise<void> {
    for (const file of this.#files.values()) await discard(file);
    this.#files.clear();
  }

  #begin(key: string, bytes: number, download: () => Promise<string | undefined>): SpilledFile {
    const room = this.#budget.take(bytes);
    const path = room.then(() => this.#download(bytes, download));
    const file = { room, path, readers: 0 };
    this.#files.set(key, file);
    return file;
  }

  async #download(bytes: number, download: () => Promise<string | undefined>): Promise<string | undefined> {
    try {
      return await download();
    } catch (cause) {
      const isFull = cause instanceof Failure && cause.error.code === "storage_full";
      // The disk is smaller than the budget. Other readers will give room back.
      if (isFull && this.#budget.takenBytes > bytes)
        throw failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS }, cause);
      throw cause;
    }
  }

  #leave(key: string, file: SpilledFile): void {
    file.readers -= 1;
    if (file.readers > 0) return;
    if (this.#files.get(key) === file) this.#files.delete(key);
    void discard(file);
  }
}

async function discard({ room, path }: SpilledFile): Promise<void> {
  const giveBack = await room.catch(() => undefined);
  const made = await path.catch(() => undefined);
  if (made !== undefined) await discardFile(made).catch(() => undefined);
  giveBack?.();
}
