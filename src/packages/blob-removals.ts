import { and, eq, inArray, lt, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import type { Sha256Digest } from "../registry/digest.ts";

/*
 * How `gc` and `publish` keep out of each other's way. A publish puts its blob before its row, so between the two the
 * blob looks unreferenced; age alone would not protect it, because an old blob nobody referred to may be the one that a
 * publish is about to refer to. So every removal is told in the table `blob_removals`:
 *
 *   gc       one transaction: marks digests that no version refers to as being removed — removes the blobs — one
 *            transaction: counts the removals and takes the marks off.
 *   publish  reads the count — puts the blob — in its transaction: inserts the version, then reads the count again.
 *            Marked, or counted since: the blob may be gone. The transaction ends without a version, and the publish
 *            puts the blob again.
 *
 * Either gc's transaction sees the version and leaves the blob, or the publish sees the mark or the count: SQLite has one
 * writer; on Postgres gc first locks `versions` against writers, so of the two transactions one sees the other.
 */

/** How often a blob was removed; `marked` while it is being removed. Equal before and after a put: it is still there. */
export interface RemovalState {
  readonly removals: number;
  readonly marked: boolean;
}

const NEVER_REMOVED: RemovalState = { removals: 0, marked: false };

/** The removals of a digest until now. */
export async function removalState({ query, tables }: DbSession, digest: Sha256Digest): Promise<RemovalState> {
  const { blobRemovals } = tables;
  const [row] = await query.select().from(blobRemovals).where(eq(blobRemovals.sha256, digest));
  return row === undefined ? NEVER_REMOVED : { removals: row.removals, marked: row.removing };
}

/** Marks those of `digests` that no version refers to and returns them: these may be removed now. In a transaction. */
export async function beginRemovals(
  session: DbSession,
  kind: Database["kind"],
  digests: readonly Sha256Digest[],
  now: Date,
): Promise<Sha256Digest[]> {
  const { query, tables } = session;
  const { blobRemovals } = tables;
  // Before anything is read: a statement sees what was committed when it began.
  if (kind === "postgres") await session.rows(sql`LOCK TABLE versions IN SHARE MODE`);
  const unreferenced = await unreferencedOf(session, digests);
  if (unreferenced.length === 0) return [];
  await query
    .insert(blobRemovals)
    .values(unreferenced.map((sha256) => ({ sha256, removals: 0, removing: true, changedAt: now })))
    .onConflictDoUpdate({ target: blobRemovals.sha256, set: { removing: true, changedAt: now } });
  return unreferenced;
}

/** Those of `digests` that no version refers to. */
export async function unreferencedOf(
  { query, tables: { versions } }: DbSession,
  digests: readonly Sha256Digest[],
): Promise<Sha256Digest[]> {
  if (digests.length === 0) return [];
  const rows = await query
    .select({ sha256: versions.sha256 })
    .from(versions)
    .where(inArray(versions.sha256, [...digests]));
  const referenced = new Set(rows.map(({ sha256 }) => sha256));
  return digests.filter((digest) => !referenced.has(digest));
}

/** Counts the removals of blobs that are gone now, and takes their marks off. In a transaction. */
export async function endRemovals(
  { query, tables: { blobRemovals } }: DbSession,
  digests: readonly Sha256Digest[],
  now: Date,
): Promise<void> {
  await query
    .update(blobRemovals)
    .set({ removals: sql`${blobRemovals.removals} + 1`, removing: false, changedAt: now })
    .where(inArray(blobRemovals.sha256, [...digests]));
}

/** Digests whose removal began and never ended, because their `gc` was killed. */
export async function unfinishedRemovals(
  { query, tables: { blobRemovals } }: DbSession,
  digestMax: number,
): Promise<string[]> {
  const rows = await query
    .select({ sha256: blobRemovals.sha256 })
    .from(blobRemovals)
    .where(eq(blobRemovals.removing, true))
    .limit(digestMax);
  return rows.map(({ sha256 }) => sha256);
}

/** Forgets removals that ended before a time at which every publish of today had not begun. In a transaction. */
export async function forgetRemovals({ query, tables: { blobRemovals } }: DbSession, before: Date): Promise<void> {
  await query.delete(blobRemovals).where(and(eq(blobRemovals.removing, false), lt(blobRemovals.changedAt, before)));
}
