import type { Database as BunDatabase } from "bun:sqlite";
import type { PackageChanges } from "../invalidations.ts";

const LOOK_EVERY_MS = 250;
/** Commits whose names are kept for other processes; one that missed more of them forgets everything. */
const COMMITS_KEPT = 10_000;
const PRUNE_EVERY = 1_000;

/** Writes down which packages the open transaction changed, for other processes on the same file. */
export function noteChanges(writer: BunDatabase, names: ReadonlySet<string>): void {
  if (names.size === 0) return;
  const note = writer.prepare("INSERT INTO package_changes (names) VALUES (?)");
  const id = Number(note.run(JSON.stringify([...names])).lastInsertRowid);
  if (id % PRUNE_EVERY === 0) writer.prepare("DELETE FROM package_changes WHERE id <= ?").run(id - COMMITS_KEPT);
}

interface Noted {
  readonly id: number;
  readonly names: string;
}

/**
 * Looks four times a second whether anybody else committed to the file (`PRAGMA data_version`), and then what. Returns how
 * to stop. The commits of this process, which it has told itself, are told again; that only makes it ask once more.
 */
export function watchSqlite(reader: BunDatabase, changes: PackageChanges): () => void {
  const version = reader.prepare<{ data_version: number }, []>("PRAGMA data_version");
  const newest = reader.prepare<{ id: number | null }, []>("SELECT max(id) AS id FROM package_changes");
  const after = reader.prepare<Noted, [number]>("SELECT id, names FROM package_changes WHERE id > ? ORDER BY id");
  let seenVersion = version.get()?.data_version;
  let seenId = newest.get()?.id ?? 0;
  const look = () => {
    const atMs = performance.now();
    const now = version.get()?.data_version;
    if (now !== seenVersion) {
      const noted = after.all(seenId);
      const [first] = noted;
      if (first !== undefined && first.id > seenId + 1) changes.tell("any");
      for (const { names } of noted) changes.tell(JSON.parse(names));
      seenId = noted.at(-1)?.id ?? seenId;
      seenVersion = now;
    }
    changes.areKnownTo(atMs);
  };
  look();
  const timer = setInterval(() => {
    try {
      look();
    } catch {
      // It is asked again in a moment. Until then nobody knows what changed, so nothing that is kept is given.
    }
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}
