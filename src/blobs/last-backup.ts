import type { BlobStore } from "./store.ts";

/** The file is stored with the archives, so that every server can read it, with any database. */
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
