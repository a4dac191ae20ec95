import type { Database as BunDatabase } from "bun:sqlite";
import type { Invalidations } from "../invalidations.ts";

const CHECK_EVERY_MS = 250;
/**
 * The number of commits whose names are kept for other processes. A process that missed more of
 * them invalidates everything.
 */
const COMMITS_KEPT = 10_000;
const PRUNE_EVERY = 1_000;

/** Records which packages the open transaction changed, for other processes on the same file. */
export function recordInvalidations(writer: BunDatabase, names: ReadonlySet<string>): void {
  if (names.size === 0) return;
  const insert = writer.prepare("INSERT INTO package_changes (names) VALUES (?)");
  const id = Number(insert.run(JSON.stringify([...names])).lastInsertRowid);
  if (id % PRUNE_EVERY === 0) writer.prepare("DELETE FROM package_changes WHERE id <= ?").run(id - COMMITS_KEPT);
}

interface RecordedCommit {
  readonly id: number;
  readonly names: string;
}

/**
 * Runs `checkFiles` four times a second, and checks whether another connection committed to the
 * file (`PRAGMA data_version`), and if so which packages changed. Returns a function that stops it.
 * Commits of this process, which it has notified itself, are notified a second time; the only cost
 * is a cache miss.
 */
export function watchSqlite(reader: BunDatabase, invalidations: Invalidations, checkFiles: () => void): () => void {
  const version = reader.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const newest = reader.prepare<{ id: number | null }, []>("SELECT max(id) AS id FROM package_changes");
  const after = reader.prepare<RecordedCommit, [number]>(
    "SELECT id, names FROM package_changes WHERE id > ? ORDER BY id",
  );
  let seenVersion = version.get()?.data_version;
  let seenId = newest.get()?.id ?? 0;
  const check = () => {
    const atMs = performance.now();
    const now = version.get()?.data_version;
    if (now !== seenVersion) {
      const commits = after.all(seenId);
      const [first] = commits;
      if (first !== undefined && first.id > seenId + 1) invalidations.notify("any");
      for (const { names } of commits) invalidations.notify(JSON.parse(names));
      seenId = commits.at(-1)?.id ?? seenId;
      seenVersion = now;
    }
    invalidations.markFreshAt(atMs);
  };
  check();
  const timer = setInterval(() => {
    try {
      checkFiles();
      check();
    } catch {
      // The next check asks again. Until one succeeds nothing counts as fresh, so no cache serves
      // anything.
    }
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
