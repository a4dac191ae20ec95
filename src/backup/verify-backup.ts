import { hashFile } from "../blobs/hash-file.ts";
import type { NamedArchive } from "../db/snapshot-file.ts";
import { Failure } from "../errors.ts";
import { forEachConcurrently } from "../maintenance/concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "../maintenance/progress.ts";
import { checkSnapshot, type SnapshotProblem } from "./check-snapshot.ts";
import { listArchives, listSnapshots, requireBackup, type StoredArchive, whileLocked } from "./layout.ts";

const CONCURRENCY = 4;
const PROBLEMS_MAX = 10_000;

/** What is wrong with a backup. `snapshot` is undefined for an archive of no particular one. */
export interface BackupProblem extends SnapshotProblem {
  readonly snapshot: string | undefined;
}

/** The result of `verifyBackup`. */
export interface VerifiedBackup {
  /** The snapshots that were checked, the oldest first. */
  readonly snapshots: readonly string[];
  /** Snapshots that a killed run left. They do not count, and the next run removes them. */
  readonly cut: readonly string[];
  readonly archives: Amount;
  readonly problems: BoundedList<BackupProblem>;
}

/**
 * Checks all snapshots of a backup, or only the named one, and the bytes of every archive. Changes
 * nothing. Throws `OperatorError` if there is no snapshot, or another command works on the backup.
 */
export function verifyBackup(backup: string, only: string | undefined, report: Report): Promise<VerifiedBackup> {
  requireBackup(backup);
  return whileLocked(backup, true, async () => {
    const { whole, cut } = listSnapshots(backup);
    const snapshots = only === undefined ? whole : [only];
    const problems = new BoundedList<BackupProblem>(PROBLEMS_MAX);
    const damaged = await damagedArchives(backup, problems, report);
    for (const snapshot of snapshots) {
      const found = await checkSnapshot(backup, snapshot, (archive) => {
        const detail = damaged.damage.get(archive.sha256);
        if (detail !== undefined) problems.add({ snapshot, isKnown: false, detail, archive });
        damaged.unnamed.delete(archive.sha256);
      });
      for (const problem of found) {
        problems.add({ snapshot, ...problem });
        damaged.unnamed.delete(problem.archive?.sha256 ?? "");
      }
    }
    for (const sha256 of damaged.unnamed) {
      const archive: NamedArchive = { sha256, size: 0, package: "", version: "" };
      const detail = damaged.damage.get(sha256) ?? "";
      problems.add({ snapshot: undefined, isKnown: false, detail, archive });
    }
    return { snapshots, cut, archives: damaged.archives, problems };
  });
}

interface Damaged {
  /** What is wrong with an archive, by its digest. */
  readonly damage: Map<string, string>;
  /** Damaged archives that no snapshot has named so far. */
  readonly unnamed: Set<string>;
  readonly archives: Amount;
}

/** Hashes every archive once, whatever snapshots name it. */
async function damagedArchives(backup: string, problems: BoundedList<BackupProblem>, report: Report): Promise<Damaged> {
  const archives = nothing();
  const damage = new Map<string, string>();
  let total = 0;
  for (const _ of listArchives(backup)) total += 1;
  await forEachConcurrently(listArchives(backup), CONCURRENCY, async (stored) => {
    const detail = await damageOf(stored);
    if (detail !== undefined && damage.size < problems.itemsMax) damage.set(stored.digest, detail);
    add(archives, stored.size);
    report({ done: archives.count, total, bytes: archives.bytes });
  });
  return { archives, damage, unnamed: new Set(damage.keys()) };
}

async function damageOf({ path, digest }: StoredArchive): Promise<string | undefined> {
  try {
    const found = await hashFile(path, digest);
    if (found === undefined) return "the archive is missing";
    return found.digest === digest ? undefined : `the archive was altered: its sha256 is ${found.digest}`;
  } catch (cause) {
    if (cause instanceof Failure) return "the archive cannot be read: the disk fails";
    throw cause;
  }
}
