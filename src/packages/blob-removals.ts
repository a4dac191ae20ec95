import { and, asc, eq, gt, inArray, isNull, lt, or, sql } from "drizzle-orm";
import type { Database, DbSession, Tables } from "../db/database.ts";
import { statement } from "../db/statement.ts";
import type { Sha256Digest } from "../domain/digest.ts";

/*
 * How `gc` and `publish` keep out of each other's way, and one `gc` out of another's. A publish
 * puts its blob before its row, so between the two the blob looks unreferenced. Age alone would not
 * protect it: an old blob that no version refers to may be the one that a publish is about to refer
 * to. So every removal is announced in the table `blob_removals`:
 *
 *   gc       one transaction: marks digests that no version refers to as being removed —
 *            removes the blobs — one transaction: counts the removals and takes the marks off.
 *   publish  reads the state — puts the blob — in its transaction: inserts the version, then
 *            reads the state again. Marked, or changed since: the blob may be gone. The
 *            transaction ends without a version, and the publish puts the blob again.
 *
 * Setting a damaged blob aside is a removal too, though versions refer to the blob. `fsck --repair`
 * marks it in the same way. A client that publishes the same version again, to mend it, reads the
 * state before and after the put.
 *
 * Either gc's transaction sees the version and leaves the blob, or the publish sees the mark or the
 * count. SQLite has one writer. On Postgres gc first locks `versions` against writers, so one of
 * the two transactions sees the other.
 *
 * A mark belongs to the gc that set it, and another gc leaves marked digests alone. If it took the
 * mark off, a publish could put the blob and commit before the first gc, which is still at work,
 * removes that blob. `changedAt` identifies the owner of a mark, since no other gc can set one
 * before it is stale. A gc begins no removal later than `REMOVAL_MAX_MS` after its mark. So a mark
 * that is older than `MARK_STALE_AFTER_MS` was left by a gc that was killed: the next gc takes it
 * over, and a publish whose put came after that time need not wait for it.
 */

/**
 * A gc begins no removal later than this after its mark. It may have been frozen, and publishes and
 * other gcs rely on this bound.
 */
export const REMOVAL_MAX_MS = 5 * 60_000;
/** Twice that, because clocks differ and a removal that began takes its time. */
export const MARK_STALE_AFTER_MS = 2 * REMOVAL_MAX_MS;

/** How often a blob was removed and when that last changed. `marked` while a gc is removing it. */
export interface RemovalState {
  readonly removals: number;
  readonly marked: boolean;
  readonly changedAtMs: number;
}

const NEVER_REMOVED: RemovalState = { removals: 0, marked: false, changedAtMs: 0 };

type RemovalRow = Tables["blobRemovals"]["$inferSelect"];

const removalOf = statement<{ digest: string }, RemovalRow>(({ query, tables: { blobRemovals } }) =>
  query
    .select()
    .from(blobRemovals)
    .where(eq(blobRemovals.sha256, sql.placeholder("digest"))),
);

/** Reads the removals of a digest until now. */
export async function removalState(session: DbSession, digest: Sha256Digest): Promise<RemovalState> {
  const [row] = await removalOf(session, { digest });
  if (row === undefined) return NEVER_REMOVED;
  return { removals: row.removals, marked: row.removing, changedAtMs: row.changedAt.getTime() };
}

/**
 * Reports whether a blob that was put at `putAt` or later is still there: nothing changed between
 * `before`, which was read before the put, and `now`, and no gc can be removing the blob.
 */
export function isStillStored(before: RemovalState, now: RemovalState, putAt: Date): boolean {
  if (now.removals !== before.removals || now.marked !== before.marked) return false;
  if (now.changedAtMs !== before.changedAtMs) return false;
  return !now.marked || isStale(now.changedAtMs, putAt);
}

function isStale(changedAtMs: number, now: Date): boolean {
  return changedAtMs < staleBefore(now).getTime();
}

function staleBefore(now: Date): Date {
  return new Date(now.getTime() - MARK_STALE_AFTER_MS);
}

/**
 * Marks those of `digests` that no version refers to and no other gc has marked, in the caller's
 * transaction. Returns the marked digests, which may be removed until `REMOVAL_MAX_MS` after `now`.
 */
export async function beginRemovals(
  session: DbSession,
  kind: Database["kind"],
  digests: readonly Sha256Digest[],
  now: Date,
): Promise<Sha256Digest[]> {
  if (kind === "postgres") {
    // Publishes queue behind a lock that waits, so it must not wait long.
    await session.rows(sql`SET LOCAL lock_timeout = '1s'`);
    // Before anything is read: a statement sees what was committed when it began.
    await session.rows(sql`LOCK TABLE versions IN SHARE MODE`);
  }
  return markRemovals(session, await unreferencedOf(session, digests), now);
}

/**
 * Marks digests, whether or not a version refers to them, in the caller's transaction. Skips those
 * that another process has marked, and returns those that it marked. `gc` calls it after it made
 * sure that no version refers to the digests, `fsck` to set damaged blobs aside.
 */
export async function markRemovals(
  { query, tables: { blobRemovals } }: DbSession,
  digests: readonly Sha256Digest[],
  now: Date,
): Promise<Sha256Digest[]> {
  if (digests.length === 0) return [];
  const marked = await query
    .insert(blobRemovals)
    .values(digests.map((sha256) => ({ sha256, removals: 0, removing: true, changedAt: now })))
    .onConflictDoUpdate({
      target: blobRemovals.sha256,
      set: { removing: true, changedAt: now },
      setWhere: sql`${or(eq(blobRemovals.removing, false), lt(blobRemovals.changedAt, staleBefore(now)))}`,
    })
    .returning({ sha256: blobRemovals.sha256 });
  const mine = new Set(marked.map(({ sha256 }) => sha256));
  return digests.filter((digest) => mine.has(digest));
}

/** Returns those of `digests` that no version refers to, but versions that were taken down. */
export async function unreferencedOf(
  { query, tables: { versions } }: DbSession,
  digests: readonly Sha256Digest[],
): Promise<Sha256Digest[]> {
  if (digests.length === 0) return [];
  const rows = await query
    .select({ sha256: versions.sha256 })
    .from(versions)
    .where(and(inArray(versions.sha256, [...digests]), isNull(versions.takenDownAt)));
  const referenced = new Set(rows.map(({ sha256 }) => sha256));
  return digests.filter((digest) => !referenced.has(digest));
}

/**
 * Counts the removals that began at `begunAt` and takes their marks off, in the caller's
 * transaction. Safe to repeat.
 */
export async function endRemovals(
  { query, tables: { blobRemovals } }: DbSession,
  digests: readonly Sha256Digest[],
  begunAt: Date,
  now: Date,
): Promise<void> {
  const isMine = and(eq(blobRemovals.removing, true), eq(blobRemovals.changedAt, begunAt));
  await query
    .update(blobRemovals)
    .set({ removals: sql`${blobRemovals.removals} + 1`, removing: false, changedAt: now })
    .where(and(isMine, inArray(blobRemovals.sha256, [...digests])));
}

/**
 * Returns digests after `after`, in order, whose removal began and never ended because its `gc` was
 * killed.
 */
export async function unfinishedRemovals(
  { query, tables: { blobRemovals } }: DbSession,
  now: Date,
  after: string,
  digestMax: number,
): Promise<string[]> {
  const isLeft = and(eq(blobRemovals.removing, true), lt(blobRemovals.changedAt, staleBefore(now)));
  const rows = await query
    .select({ sha256: blobRemovals.sha256 })
    .from(blobRemovals)
    .where(and(isLeft, gt(blobRemovals.sha256, after)))
    .orderBy(asc(blobRemovals.sha256))
    .limit(digestMax);
  return rows.map(({ sha256 }) => sha256);
}

/**
 * Takes stale marks off those of `digests` that a version refers to, in the caller's transaction.
 * Such a version was published without waiting for the gc that was killed.
 */
export async function releaseReferenced(
  session: DbSession,
  digests: readonly Sha256Digest[],
  now: Date,
): Promise<void> {
  const { query, tables } = session;
  const { blobRemovals } = tables;
  const unreferenced = new Set<string>(await unreferencedOf(session, digests));
  const referenced = digests.filter((digest) => !unreferenced.has(digest));
  if (referenced.length === 0) return;
  const isStaleMark = and(eq(blobRemovals.removing, true), lt(blobRemovals.changedAt, staleBefore(now)));
  await query
    .update(blobRemovals)
    .set({ removing: false, changedAt: now })
    .where(and(isStaleMark, inArray(blobRemovals.sha256, referenced)));
}

/**
 * Deletes removals that ended before a time, in the caller's transaction. Every publish that runs
 * now must have begun after that time.
 */
export async function forgetRemovals({ query, tables: { blobRemovals } }: DbSession, before: Date): Promise<void> {
  await query.delete(blobRemovals).where(and(eq(blobRemovals.removing, false), lt(blobRemovals.changedAt, before)));
}
