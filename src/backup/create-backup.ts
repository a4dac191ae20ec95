import { copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openFileStore } from "../blobs/file-store.ts";
import { prepareIncoming, storageFailure } from "../blobs/incoming.ts";
import { noteBackup } from "../blobs/last-backup.ts";
import type { BlobStore } from "../blobs/store.ts";
import type { DatabaseConfig } from "../config/config.ts";
import { SnapshotFile } from "../db/snapshot-file.ts";
import { errorCode } from "../errors.ts";
import { type CopyResult, copyStore } from "../maintenance/copy-store.ts";
import type { Report } from "../maintenance/progress.ts";
import { refusalCode } from "../maintenance/retry.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { syncPath } from "../runtime/sync-path.ts";
import { VERSION } from "../runtime/version.ts";
import {
  archivesIn,
  KEYS_DIRECTORY,
  listSnapshots,
  MANIFEST_FILE,
  removeSnapshot,
  requireBackupOrEmpty,
  snapshotIdOf,
  snapshotIn,
  snapshotsIn,
  whileLocked,
} from "./layout.ts";
import { type FileDigest, type Manifest, manifestText, readManifest } from "./manifest.ts";
import { type Pruned, pruneBackup } from "./prune-backup.ts";
import { type SavedArchives, saveArchives } from "./save-archives.ts";
import { digestOfFile, type SnapshotDatabase, snapshotDatabase } from "./snapshot-database.ts";

/** The registry that is backed up, and where to. */
export interface BackupSource {
  readonly database: DatabaseConfig;
  readonly storage: "files" | "s3";
  readonly blobs: BlobStore;
  readonly clock: () => Date;
  readonly failpoints: Failpoints;
}

/** Options of `createBackup`. */
export interface BackupOptions {
  readonly backup: string;
  /** Files with private keys to save, by the names that they get. */
  readonly keys: ReadonlyMap<string, string>;
  /** How many snapshots to keep. Undefined keeps all. */
  readonly keep: number | undefined;
  /**
   * Whether the database was compared with its log. If it was not, the snapshot does not count as a
   * backup and nothing is pruned, because an older snapshot may have what this one lacks.
   */
  readonly isCompared: boolean;
  readonly reportRows: Report;
  readonly reportArchives: Report;
}

/** A new snapshot, and what was done for it. */
export interface BackupResult {
  readonly id: string;
  readonly manifest: Manifest;
  readonly saved: SavedArchives;
  readonly pruned: Pruned | undefined;
  /** Why the time of the backup could not be noted for the metrics of the registry. */
  readonly notNoted: string | undefined;
}

/**
 * Adds a snapshot of a registry to a backup, while servers run: the database first, then the
 * archives that the backup lacks. An archive is stored before its row and never changes, so archives
 * that are read later have everything that the snapshot names.
 *
 * The manifest comes last. Killed at any step, or on a full disk, it leaves all earlier snapshots
 * whole, and the next run continues with the archives that are there. Snapshots are pruned only after
 * the new one is durable.
 */
export async function createBackup(source: BackupSource, options: BackupOptions): Promise<BackupResult> {
  const { backup, keep } = options;
  requireBackupOrEmpty(backup);
  makeDirectory(snapshotsIn(backup));
  return whileLocked(backup, false, async () => {
    const { whole, cut } = listSnapshots(backup);
    for (const id of cut) await removeSnapshot(backup, id);
    const at = source.clock();
    const id = snapshotIdOf(at, whole.at(-1));
    const { manifest, saved } = await makeSnapshot(source, options, id, at).catch(async (cause) => {
      // It would take room until the next run. Archives stay: the next run continues with them.
      await removeSnapshot(backup, id);
      throw cause;
    });
    // What an older snapshot has may be all that is left of what this one lacks.
    const counts = isWhole(manifest) && options.isCompared;
    const pruned = counts && keep !== undefined ? await pruneBackup(backup, keep, source.failpoints) : undefined;
    return { id, manifest, saved, pruned, notNoted: counts ? await note(source, at) : undefined };
  });
}

async function makeSnapshot(
  source: BackupSource,
  options: BackupOptions,
  id: string,
  at: Date,
): Promise<Pick<BackupResult, "manifest" | "saved">> {
  const directory = snapshotIn(options.backup, id);
  makeDirectory(directory);
  const database = await snapshotDatabase(source.database, directory, options.reportRows);
  source.failpoints.hit("backup.database");
  requireSameRegistry(options.backup, database);
  const saved = await archivesOf(source, options, database);
  source.failpoints.hit("backup.archives");
  const keys = await saveKeys(directory, options.keys);
  const manifest = manifestOf(source, at, database, saved, keys);
  await writeManifest(directory, manifest, source.failpoints);
  return { manifest, saved };
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw storageFailure(cause);
  }
}

/** Snapshots of two registries in one backup would prune each other. */
function requireSameRegistry(backup: string, { facts: { log } }: SnapshotDatabase): void {
  const before = lastOrigin(backup);
  if (before === undefined || log === undefined || log.origins.includes(before)) return;
  throw new OperatorError(`${backup} is a backup of another registry, whose log is ${before}. Name another directory.`);
}

/** Returns the name of the log in the newest snapshot whose manifest can be read. */
function lastOrigin(backup: string): string | undefined {
  for (const id of listSnapshots(backup).whole.toReversed()) {
    try {
      return readManifest(backup, id).log?.origin;
    } catch (cause) {
      if (!(cause instanceof OperatorError)) throw cause;
    }
  }
  return undefined;
}

async function archivesOf(
  { blobs, failpoints }: BackupSource,
  { backup, reportArchives }: BackupOptions,
  { path, facts }: SnapshotDatabase,
): Promise<SavedArchives> {
  const to = await openFileStore(archivesIn(backup), failpoints, prepareIncoming);
  const snapshot = new SnapshotFile(path);
  try {
    return await saveArchives({ from: blobs, to, backup, failpoints }, snapshot, facts.versions, reportArchives);
  } finally {
    snapshot.close();
    await to.close();
  }
}

async function saveKeys(directory: string, keys: ReadonlyMap<string, string>): Promise<FileDigest[]> {
  const saved: FileDigest[] = [];
  const target = join(directory, KEYS_DIRECTORY);
  if (keys.size > 0) makeDirectory(target);
  for (const [name, from] of keys) {
    try {
      copyFileSync(from, join(target, name));
      await syncPath(join(target, name), "r+");
    } catch (cause) {
      throw storageFailure(cause);
    }
    saved.push(await digestOfFile(join(target, name), name));
  }
  if (keys.size > 0) await syncPath(target, "r");
  return saved;
}

function manifestOf(
  source: BackupSource,
  at: Date,
  { file, facts, problems }: SnapshotDatabase,
  { copied, present, lacking }: SavedArchives,
  keys: readonly FileDigest[],
): Manifest {
  const { packages, versions, migrations, log } = facts;
  const { origin = "", vkey = "", size = 0, root = "", checkpoint = "" } = log ?? {};
  return {
    format: "cpm-registry-backup/v1",
    createdAt: at.toISOString(),
    program: VERSION,
    source: { database: source.database.kind, storage: source.storage },
    database: { ...file, packages, versions, migrations, problems },
    log: log === undefined ? null : { origin, vkey, size, root, checkpoint },
    archives: { count: copied.count + present.count, bytes: copied.bytes + present.bytes, lacking },
    keys,
  };
}

async function writeManifest(directory: string, manifest: Manifest, failpoints: Failpoints): Promise<void> {
  const path = join(directory, MANIFEST_FILE);
  try {
    writeFileSync(`${path}.new`, manifestText(manifest), { flag: "wx", mode: 0o600, flush: true });
    failpoints.hit("backup.written");
    // The files of the snapshot have their names before the manifest has its own.
    // So have the directories above it, which this run may have made.
    const snapshots = dirname(directory);
    for (const path of [directory, snapshots, dirname(snapshots)]) await syncPath(path, "r");
    await syncIfReadable(dirname(dirname(snapshots)));
    renameSync(`${path}.new`, path);
    await syncPath(directory, "r");
  } catch (cause) {
    throw storageFailure(cause);
  }
  failpoints.hit("backup.complete");
}

/**
 * Syncs the directory that the backup is in. One that this user may not read is left out: somebody
 * else made the backup's directory in it.
 */
async function syncIfReadable(path: string): Promise<void> {
  try {
    await syncPath(path, "r");
  } catch (cause) {
    if (errorCode(cause) !== "EACCES") throw cause;
  }
}

/** Reports whether a snapshot has everything that its registry should have. */
export function isWhole({ archives, database }: Manifest): boolean {
  return archives.lacking.length === 0 && database.problems.length === 0;
}

/** Notes a backup of everything for metrics. */
async function note({ blobs }: BackupSource, at: Date): Promise<string | undefined> {
  try {
    await noteBackup(blobs, at);
    return undefined;
  } catch (cause) {
    return refusalCode(cause);
  }
}

/**
 * Saves every archive of a storage whose database is too damaged to say which ones matter. It makes
 * no snapshot. Throws what listing throws.
 */
export async function rescueArchives(
  { blobs, failpoints }: BackupSource,
  { backup, reportArchives }: Pick<BackupOptions, "backup" | "reportArchives">,
): Promise<CopyResult> {
  const to = await openFileStore(archivesIn(backup), failpoints, prepareIncoming);
  try {
    return await copyStore(blobs, to, reportArchives);
  } finally {
    await to.close();
  }
}
