import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { blobKey } from "../blobs/store.ts";
import { takeProcessLock } from "../db/process-lock.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { errorCode } from "../errors.ts";
import { OperatorError } from "../runtime/operator-error.ts";

/*
 * A backup is a directory:
 *
 *   archives/sha256/<2 hex>/<digest>   each archive once, for all snapshots
 *   snapshots/<time>/registry.db       the database, always as a file of SQLite
 *   snapshots/<time>/keys/             jwt.key and log.key, if asked for
 *   snapshots/<time>/manifest.json     written last: without it, the snapshot does not count
 *   lock                               held by the command that works on the backup
 */

const SNAPSHOTS = "snapshots";
const ARCHIVES = "archives";
const LOCK = "lock";
const SNAPSHOT_ID = /^\d{8}T\d{6}\.\d{3}Z$/;

/** The database of a snapshot. */
export const DATABASE_FILE = "registry.db";
/** What makes a snapshot count. */
export const MANIFEST_FILE = "manifest.json";
/** The directory of a snapshot's private keys. */
export const KEYS_DIRECTORY = "keys";
/** The private keys that a snapshot may have, by the names of their files. */
export const KEY_FILES = ["jwt.key", "log.key"] as const;

/** Returns the directory of the archives. */
export function archivesIn(backup: string): string {
  return join(backup, ARCHIVES);
}

/** Returns the directory of a snapshot. */
export function snapshotIn(backup: string, id: string): string {
  return join(backup, SNAPSHOTS, id);
}

/** Returns the directory of all snapshots. */
export function snapshotsIn(backup: string): string {
  return join(backup, SNAPSHOTS);
}

/**
 * Names a snapshot by the time when it began. Names sort by time, so one that begins before `last`,
 * by a clock that was set back, is named by the moment after it.
 */
export function snapshotIdOf(at: Date, last: string | undefined): string {
  const id = nameOf(at);
  if (last === undefined || last < id) return id;
  const [, year, month, day, hour, minute, second] = ID_PARTS.exec(last) ?? [];
  return nameOf(new Date(Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) + 1));
}

const nameOf = (at: Date) => at.toISOString().replaceAll(/[-:]/g, "");
const ID_PARTS = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(.+)Z$/;

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(cause) ?? "")) return [];
    throw cause;
  }
}

/** Lists the snapshots from the oldest to the newest. Those without a manifest do not count. */
export function listSnapshots(backup: string): { readonly whole: string[]; readonly cut: string[] } {
  const ids = namesIn(snapshotsIn(backup)).filter((name) => SNAPSHOT_ID.test(name));
  const isWhole = (id: string) => existsSync(join(snapshotIn(backup, id), MANIFEST_FILE));
  return { whole: ids.filter(isWhole), cut: ids.filter((id) => !isWhole(id)) };
}

/**
 * Removes a snapshot, its manifest first: a snapshot without one does not count. `whenCut` runs
 * between the two.
 */
export async function removeSnapshot(
  backup: string,
  id: string,
  whenCut: () => Promise<void> = async () => undefined,
): Promise<void> {
  const directory = snapshotIn(backup, id);
  rmSync(join(directory, MANIFEST_FILE), { force: true });
  await whenCut();
  rmSync(directory, { recursive: true, force: true });
}

/** A file of the archives, by the digest that its name says. */
export interface StoredArchive {
  readonly digest: Sha256Digest;
  readonly path: string;
  readonly size: number;
}

/** Yields the archives of a backup in the order of their digests. */
export function* listArchives(backup: string): Generator<StoredArchive> {
  const top = join(archivesIn(backup), "sha256");
  for (const shard of namesIn(top)) {
    for (const name of namesIn(join(top, shard))) {
      const digest = parseDigest(name);
      const found = digest && findArchive(backup, digest);
      if (found !== undefined) yield found;
    }
  }
}

/** Finds an archive of a backup. Undefined if it is not there. */
export function findArchive(backup: string, digest: Sha256Digest): StoredArchive | undefined {
  const path = join(archivesIn(backup), blobKey(digest));
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? { digest, path, size: found.size } : undefined;
}

/** Throws `OperatorError` unless a directory is a backup, empty, or missing. */
export function requireBackupOrEmpty(backup: string): void {
  if (existsSync(backup) && !statSync(backup).isDirectory())
    throw new OperatorError(`${backup} is not a directory. Name another place.`);
  const names = namesIn(backup);
  if (names.length > 0 && !names.includes(SNAPSHOTS) && !names.includes(LOCK))
    throw new OperatorError(`${backup} is not empty and is not a backup. Name a new directory.`);
}

/** Throws `OperatorError` unless a directory is a backup with at least one snapshot that counts. */
export function requireBackup(backup: string): void {
  if (!existsSync(backup)) throw new OperatorError(`there is no directory ${backup}.`);
  const { whole } = listSnapshots(backup);
  if (whole.length === 0)
    throw new OperatorError(`${backup} has no whole snapshot. It is not a backup, or it was cut.`);
}

/**
 * Runs `work` while no other command works on the backup. Readers may work on a backup that cannot
 * be written. Throws `OperatorError` if another command works on it.
 */
export async function whileLocked<T>(backup: string, isReader: boolean, work: () => Promise<T>): Promise<T> {
  const release = takeProcessLock(join(backup, LOCK), isReader);
  if (release === undefined)
    throw new OperatorError(`another command works on ${backup}. Wait until it has ended, then try again.`);
  try {
    return await work();
  } finally {
    release();
  }
}
