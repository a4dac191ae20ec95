import { rmSync } from "node:fs";
import { join } from "node:path";
import { SnapshotFile } from "../db/snapshot-file.ts";
import { type Amount, add, nothing } from "../maintenance/progress.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { syncPath } from "../runtime/sync-path.ts";
import { DATABASE_FILE, listArchives, listSnapshots, removeSnapshot, snapshotIn } from "./layout.ts";

/** What was removed from a backup. */
export interface Pruned {
  readonly snapshots: readonly string[];
  readonly archives: Amount;
  /** The snapshot that cannot be read, because of which no archive was removed. */
  readonly unreadable?: string;
}

/**
 * Keeps the newest `keep` snapshots and removes the others, and then the archives that none of the
 * kept ones names. If it is killed, the next run continues: a snapshot loses its manifest first, and
 * an archive is removed only when no snapshot that counts names it, also after a power cut.
 */
export async function pruneBackup(backup: string, keep: number, failpoints: Failpoints): Promise<Pruned> {
  const { whole } = listSnapshots(backup);
  const old = whole.slice(0, Math.max(0, whole.length - keep));
  for (const id of old) {
    await removeSnapshot(backup, id, async () => {
      failpoints.hit("backup.pruned");
      await syncPath(snapshotIn(backup, id), "r");
    });
  }
  const archives = nothing();
  const kept: { readonly id: string; readonly file: SnapshotFile }[] = [];
  let reading = "";
  try {
    for (const id of whole.slice(old.length)) {
      reading = id;
      kept.push({ id, file: new SnapshotFile(join(snapshotIn(backup, id), DATABASE_FILE)) });
    }
    const isNamed = lookup(
      kept.map(({ id, file }) =>
        namedBy(file, () => {
          reading = id;
        }),
      ),
    );
    for (const { digest, path, size } of listArchives(backup)) {
      if (isNamed(digest)) continue;
      rmSync(path, { force: true });
      add(archives, size);
    }
    return { snapshots: old, archives };
  } catch {
    return { snapshots: old, archives, unreadable: reading };
  } finally {
    for (const { file } of kept) file.close();
  }
}

function* namedBy(file: SnapshotFile, note: () => void): Generator<string> {
  note();
  for (const { sha256 } of file.archives()) {
    yield sha256;
    note();
  }
}

/**
 * Returns a function that tells whether one of the lists has a digest. Lists are sorted, and it must
 * be asked in the same order, so nothing of them has to be in memory.
 */
function lookup(lists: readonly Generator<string>[]): (digest: string) => boolean {
  const heads = lists.map((list) => ({ list, next: list.next() }));
  return (digest) => {
    let isFound = false;
    for (const head of heads) {
      while (!head.next.done && head.next.value < digest) head.next = head.list.next();
      if (!head.next.done && head.next.value === digest) isFound = true;
    }
    return isFound;
  };
}
