import { isNotNull } from "drizzle-orm";
import type { BlobStore, KnownBlob } from "../blobs/store.ts";
import type { DatabaseConfig } from "../config/config.ts";
import type { DbSession } from "../db/database.ts";
import { scrubDatabase } from "../db/scrub.ts";
import type { Deps } from "../deps.ts";
import { type ErasedArchives, eraseArchives } from "../maintenance/erase-archives.ts";
import { eraseWords } from "../maintenance/erase-words.ts";
import { digestOf } from "../packages/find-version.ts";

/**
 * Erases what a backup brought back of versions that were taken down after it: their archives, and
 * their contents and the words of their yanks in the files of the database if `hasReplayed` says
 * that takedowns may have been replayed. Safe to repeat: while an archive is still stored, it does
 * both. Throws `database_unavailable` if the files of the database cannot be rewritten, and what
 * the storage throws.
 */
export async function eraseTakedowns(
  deps: Pick<Deps, "db" | "blobs" | "clock">,
  database: DatabaseConfig,
  hasReplayed: boolean,
): Promise<ErasedArchives> {
  const archives = await deps.db.read(takenDownArchives);
  if (archives.length === 0) return { removed: [], remaining: [] };
  // The archives go last: whoever repeats this after a crash sees by them that it is not finished.
  if (hasReplayed || (await isAnyStored(deps.blobs, archives))) {
    await eraseWords(deps);
    await scrubDatabase(database);
  }
  return eraseArchives(deps, archives);
}

async function takenDownArchives({ query, tables: { versions } }: DbSession): Promise<KnownBlob[]> {
  const { sha256, size, takenDownAt } = versions;
  const rows = await query.select({ sha256, size }).from(versions).where(isNotNull(takenDownAt));
  return rows.map((row) => ({ digest: digestOf(row), size: row.size }));
}

async function isAnyStored(blobs: Pick<BlobStore, "stat">, archives: readonly KnownBlob[]): Promise<boolean> {
  for (const { digest } of archives) if ((await blobs.stat(digest)) !== undefined) return true;
  return false;
}
