import { copyFileSync, existsSync, linkSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashFile } from "../blobs/hash-file.ts";
import { storageFailure } from "../blobs/incoming.ts";
import type { BlobStore } from "../blobs/store.ts";
import type { DatabaseConfig } from "../config/config.ts";
import { requireUnused } from "../db/copy/postgres-target.ts";
import { readSqlite } from "../db/copy/sqlite-source.ts";
import { EVENT_ID_GAP } from "../db/event-id-gap.ts";
import { migrate, sqliteSchemaState } from "../db/migrate.ts";
import { dropForeignObjects, leaveGapInEventIds, type NamedArchive, SnapshotFile } from "../db/snapshot-file.ts";
import { parseDigest } from "../domain/digest.ts";
import { errorCode } from "../errors.ts";
import { forEachConcurrently } from "../maintenance/concurrency.ts";
import { copyDatabase } from "../maintenance/copy-database.ts";
import { putCopy } from "../maintenance/copy-store.ts";
import { makeDatabaseFile, requireNoDatabase } from "../maintenance/new-database-file.ts";
import { writeDatabaseRows } from "../maintenance/open-copy.ts";
import { type Amount, add, nothing, type Report } from "../maintenance/progress.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { syncPath } from "../runtime/sync-path.ts";
import { missingArchives, readSnapshot, schemaProblem } from "./check-snapshot.ts";
import {
  DATABASE_FILE,
  findArchive,
  KEYS_DIRECTORY,
  listSnapshots,
  requireBackup,
  snapshotIn,
  whileLocked,
} from "./layout.ts";
import { altered, type LackingArchive, type Manifest } from "./manifest.ts";

const CONCURRENCY = 4;

/** The place that is filled. */
export interface RestoreTarget {
  readonly database: DatabaseConfig;
  readonly blobs: BlobStore;
  /** The directory that gets key files which it lacks. Undefined where keys are settings. */
  readonly keysDir: string | undefined;
  readonly clock: () => Date;
  readonly failpoints: Failpoints;
}

/** Options of `restoreBackup`. */
export interface RestoreOptions {
  readonly backup: string;
  /** The snapshot to restore. Undefined for the newest. */
  readonly snapshot: string | undefined;
  /** The storage survived: it may hold anything, and gets only what it lacks. */
  readonly reuseStorage: boolean;
  /** Restore what is whole, and name the rest. */
  readonly partial: boolean;
  readonly report: Report;
}

/** What was restored. */
export interface Restored {
  readonly snapshot: string;
  readonly manifest: Manifest;
  readonly copied: Amount;
  readonly present: Amount;
  /** Versions whose archives the backup does not have. */
  readonly lacking: readonly LackingArchive[];
  /** Key files that were put into the data directory. */
  readonly keys: readonly string[];
}

/**
 * Restores a snapshot into an empty database of either kind and an empty storage of either kind. The
 * archives come first and the database last, at once: killed at any step, it leaves a place without
 * a database, and can be run again. Nothing that exists is overwritten; the files of the log beside
 * the archives are left to the registry and to its rollback guard.
 *
 * Throws `OperatorError` if a part of the backup was cut or altered, if its schema is not one that
 * this program knows, or if the place is not empty.
 */
export function restoreBackup(target: RestoreTarget, options: RestoreOptions): Promise<Restored> {
  const { backup } = options;
  requireBackup(backup);
  return whileLocked(backup, true, async () => {
    const id = options.snapshot ?? listSnapshots(backup).whole.at(-1) ?? "";
    const manifest = await readSnapshot(backup, id);
    if (typeof manifest === "string") throw altered(id, manifest);
    const schema = schemaProblem(manifest);
    if (schema !== undefined) throw altered(id, schema);
    const path = join(snapshotIn(backup, id), DATABASE_FILE);
    const snapshot = new SnapshotFile(path);
    try {
      await requireEmpty(target, snapshot, options.reuseStorage);
      const archives = await restoreArchives(target, options, manifest, snapshot, id);
      target.failpoints.hit("restore.archives");
      const keys = await restoreKeys(snapshotIn(backup, id), manifest, target.keysDir);
      await restoreDatabase(target, path, manifest);
      target.failpoints.hit("restore.database");
      return { snapshot: id, manifest, ...archives, keys };
    } finally {
      snapshot.close();
    }
  });
}

async function requireEmpty(
  { database, blobs }: RestoreTarget,
  snapshot: SnapshotFile,
  reuseStorage: boolean,
): Promise<void> {
  if (database.kind === "sqlite") requireNoDatabase(database.path);
  else await requireUnused(database.connection);
  if (reuseStorage) return;
  const advice =
    "If it is the storage of this registry and survived, pass --reuse-storage: nothing in it is overwritten.";
  if ((await blobs.readSidecar("log/checkpoint")) !== undefined)
    throw new OperatorError(`the storage is not empty: it has the checkpoint of a log. ${advice}`);
  // An interrupted restore leaves archives of the snapshot.
  const named = snapshot.archives();
  let next = named.next();
  for await (const { digest, name } of blobs.list()) {
    while (digest !== undefined && !next.done && next.value.sha256 < digest) next = named.next();
    if (digest !== undefined && !next.done && next.value.sha256 === digest) continue;
    throw new OperatorError(`the storage is not empty: it has ${name}, which the snapshot does not name. ${advice}`);
  }
}

async function restoreArchives(
  { blobs, failpoints }: RestoreTarget,
  { backup, partial, report }: RestoreOptions,
  manifest: Manifest,
  snapshot: SnapshotFile,
  id: string,
): Promise<Pick<Restored, "copied" | "present" | "lacking">> {
  const lacking: LackingArchive[] = [];
  const refuse = ({ package: name, version, sha256 }: NamedArchive, reason: string, isKnown: boolean) => {
    if (!partial && !isKnown) {
      const what = `${reason} (${sha256}, ${name} ${version}). With --partial, everything else is restored`;
      throw altered(id, what);
    }
    lacking.push({ package: name, version, sha256, reason });
  };
  const missing = new Set<string>();
  for (const { archive, detail, isKnown } of missingArchives(backup, manifest, snapshot)) {
    if (archive === undefined) continue;
    missing.add(archive.sha256);
    refuse(archive, detail, isKnown);
  }
  const [copied, present] = [nothing(), nothing()];
  await forEachConcurrently(snapshot.archives(), CONCURRENCY, async (archive) => {
    if (missing.has(archive.sha256)) return;
    const done = await restoreArchive(blobs, backup, archive);
    if (done === "altered") refuse(archive, "the archive was altered", false);
    else add(done === "present" ? present : copied, archive.size);
    const total = manifest.archives.count;
    report({ done: copied.count + present.count, total, bytes: copied.bytes });
    failpoints.hit("restore.archive");
  });
  return { copied, present, lacking };
}

async function restoreArchive(
  blobs: BlobStore,
  backup: string,
  { sha256, size }: NamedArchive,
): Promise<"copied" | "present" | "altered"> {
  const digest = parseDigest(sha256);
  const stored = digest && findArchive(backup, digest);
  if (digest === undefined || stored === undefined) return "altered";
  if ((await blobs.stat(digest))?.size === size) return "present";
  const found = await hashFile(stored.path, digest);
  if (found?.digest !== digest) return "altered";
  await putCopy(blobs, { digest, size, path: stored.path });
  return "copied";
}

/** Puts key files into a data directory that lacks them. Those that are there stay. */
async function restoreKeys(directory: string, { keys }: Manifest, keysDir: string | undefined): Promise<string[]> {
  if (keysDir === undefined) return [];
  const put: string[] = [];
  for (const { name } of keys) {
    const path = join(keysDir, name);
    if (existsSync(path)) continue;
    try {
      copyFileSync(join(directory, KEYS_DIRECTORY, name), `${path}.restored`);
      await syncPath(`${path}.restored`, "r+");
      linkSync(`${path}.restored`, path);
      rmSync(`${path}.restored`);
      await syncPath(keysDir, "r");
    } catch (cause) {
      throw errorCode(cause) === "EEXIST"
        ? new OperatorError(`there is a file ${path} already.`)
        : storageFailure(cause);
    }
    put.push(name);
  }
  return put;
}

/**
 * An older schema is brought up to date before anybody sees the database. Ids of events go on after a
 * gap, so that no id means another event than it did before the loss.
 */
async function restoreDatabase(
  { database, clock }: RestoreTarget,
  snapshot: string,
  manifest: Manifest,
): Promise<void> {
  if (database.kind === "sqlite") {
    return makeDatabaseFile(database.path, clock, async (path) => {
      await copyMigrated(snapshot, path);
      leaveGapInEventIds(path);
    });
  }
  const isCurrent = sqliteSchemaState(manifest.database.migrations).pending.length === 0;
  if (isCurrent) return fillPostgres(database, clock, snapshot);
  const directory = mkdtempSync(join(tmpdir(), "cpm-registry-restore-"));
  try {
    const copy = join(directory, DATABASE_FILE);
    await copyMigrated(snapshot, copy);
    await fillPostgres(database, clock, copy);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fillPostgres(database: DatabaseConfig, clock: () => Date, file: string): Promise<void> {
  await writeDatabaseRows(database, clock, (rows) =>
    readSqlite(file, true, async (source) => {
      await copyDatabase(source, rows, () => undefined);
      const last = (await source.lastIds()).get("events") ?? 0;
      await rows.setLastIds(new Map([["events", last + EVENT_ID_GAP]]));
    }),
  );
}

async function copyMigrated(snapshot: string, path: string): Promise<void> {
  try {
    copyFileSync(snapshot, path);
    dropForeignObjects(path);
    await migrate({ kind: "sqlite", path });
    if (existsSync(`${path}-wal`)) throw new Error("A migrated database was not closed");
  } catch (cause) {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    throw storageFailure(cause);
  }
}
