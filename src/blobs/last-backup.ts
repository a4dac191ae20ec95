import { withTimeout } from "../runtime/timeout.ts";
import type { BlobStore } from "./store.ts";

/** It is beside the archives, so that every server of a registry can tell it, with any database. */
const LAST_BACKUP = "log/last-backup";

/** Notes that a backup of everything was made at a time. */
export function noteBackup(blobs: Pick<BlobStore, "putSidecar">, at: Date): Promise<void> {
  return blobs.putSidecar(LAST_BACKUP, `${at.toISOString()}\n`);
}

/**
 * Returns when the last backup of everything began. Undefined if none was made, or what is noted
 * cannot be read.
 */
export async function lastBackup(blobs: Pick<BlobStore, "readSidecar">): Promise<Date | undefined> {
  const at = new Date(((await blobs.readSidecar(LAST_BACKUP)) ?? "").trim());
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** How long an answer of the storage is used. Requests to S3 cost money. */
const ASK_EVERY_MS = 60_000;
/** A scrape does not wait longer for the storage. */
const ANSWER_MAX_MS = 1_000;

/**
 * Follows when the last backup of everything began. While the storage gives no answer, it is what it
 * was before.
 */
export class LastBackup {
  #askedMs = Number.NEGATIVE_INFINITY;
  #at: Date | undefined;

  constructor(readonly blobs: Pick<BlobStore, "readSidecar">) {}

  /** Returns the time in seconds since 1970; 0 if no backup was made. */
  async seconds(): Promise<number> {
    const nowMs = performance.now();
    if (nowMs - this.#askedMs > ASK_EVERY_MS) {
      this.#askedMs = nowMs;
      this.#at = await withTimeout(ANSWER_MAX_MS, lastBackup(this.blobs)).catch(() => this.#at);
    }
    return (this.#at?.getTime() ?? 0) / 1_000;
  }
}
