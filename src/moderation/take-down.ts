import { and, eq, gte, inArray, isNull, sql } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { KnownBlob } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { logStatus } from "../log/log-status.ts";
import { addToTotals } from "../metrics/registry-totals.ts";
import { lockNamedPackage } from "../packages/find-package.ts";
import { digestOf, loadNumberedVersion } from "../packages/find-version.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import { NO_MANIFEST, storedLongManifestBytes, toJson } from "../packages/records.ts";
import type { PackageRow, VersionRow } from "../packages/views.ts";
import { type StatusReason, WHOLE_PACKAGE } from "../tlog/status-leaf.ts";

/** Why something is taken down. */
export interface Takedown {
  /** What readers and the log are told. */
  readonly reason: StatusReason;
  /** The case that the operator keeps, such as the number of a court order. Administrators see it. */
  readonly reference: string;
}

/** What is taken down now, by this call or an earlier one. */
export interface TakenDown {
  /** False if it was taken down before. */
  readonly changed: boolean;
  readonly reason: StatusReason;
  readonly at: string;
  /** The number of versions that lost their contents by this call. */
  readonly versions: number;
  /** The archives to remove now. They are those of all versions that are meant. */
  readonly archives: readonly KnownBlob[];
}

type TakedownDeps = Pick<Deps, "db" | "clock" | "log">;

/**
 * Takes down one version, or the whole package if `asked` is undefined: in one transaction, its
 * contents leave the database, everybody who asks for it gets `taken_down`, and the log gets a leaf
 * `remove`. Number and digest stay, so that nobody can publish it again, and so do its leaf, its
 * owners and its keys. The archives are for the caller to remove, after this.
 *
 * Safe to repeat: the first reason stays. Throws `package_not_found`, `version_not_found` or
 * `log_rollback`.
 */
export async function takeDown(
  deps: TakedownDeps,
  origin: Origin,
  name: PackageName,
  asked: string | undefined,
  takedown: Takedown,
): Promise<TakenDown> {
  const now = deps.clock();
  return deps.db.write(async (session) => {
    const owner = await lockNamedPackage(session, name);
    const meant = await meantBy(session, owner, asked);
    const { subject } = meant;
    if (subject.takenDownAt !== null) {
      const { takenDownAt: at, takedownReason } = subject;
      const archives = meant.versions.map(archiveOf);
      return { changed: false, reason: takedownReason ?? "policy", at: at.toISOString(), versions: 0, archives };
    }
    const { reason: category } = takedown;
    const { versions } = await applyTakedown(session, deps.db.kind, owner, meant.version, {
      reason: category,
      at: now,
    });
    await record(session, origin, { owner, version: meant.version, takedown, now });
    // From here on the log is locked, and the totals come after it.
    const about = { packageId: owner.id, name, version: meant.version ?? WHOLE_PACKAGE };
    await logStatus(session, deps, about, { action: "remove", category, words: null }, now);
    const storageBytes = versions.reduce((sum, { size }) => sum - size, 0);
    await addToTotals(session, { packages: 0, versions: 0, storageBytes });
    const archives = meant.versions.map(archiveOf);
    return { changed: true, reason: category, at: now.toISOString(), versions: versions.length, archives };
  });
}

/**
 * Deletes what the database has of the contents of a version, or of a package if `asked` is
 * undefined, and marks it. The package is locked. Returns the versions that were not taken down
 * before. The caller records the event and the leaf.
 */
export async function applyTakedown(
  session: DbSession,
  kind: Database["kind"],
  owner: PackageRow,
  asked: string | undefined,
  { reason, at }: { readonly reason: StatusReason; readonly at: Date },
): Promise<{ readonly versions: readonly { readonly id: number; readonly size: number }[] }> {
  const meant = await meantBy(session, owner, asked);
  const removed = meant.versions.filter((row) => row.takenDownAt === null);
  const change: Change = { owner, version: meant.version, reason, at };
  await empty(session, change, removed);
  if (meant.row?.takenDownAt === null) await freeManifest(session, owner, meant.row);
  const after = await markPackage(session, change);
  await rebuildListing(session, kind, after, after.updatedAt);
  return { versions: removed };
}

interface Change {
  readonly owner: PackageRow;
  /** As published; undefined for the whole package. */
  readonly version: string | undefined;
  readonly reason: StatusReason;
  readonly at: Date;
}

/**
 * The row that says whether it is taken down, the versions that belong to it, and the row of the
 * version if only one is meant.
 */
async function meantBy(session: DbSession, owner: PackageRow, asked: string | undefined) {
  if (asked !== undefined) {
    const { row } = await loadNumberedVersion(session, owner, asked);
    const subject = owner.takenDownAt === null ? row : owner;
    return { subject, version: row.version, versions: [row], row };
  }
  const { versions } = session.tables;
  const { id, sha256, size, takenDownAt } = versions;
  const rows = await session.query
    .select({ id, sha256, size, takenDownAt })
    .from(versions)
    .where(eq(versions.packageId, owner.id));
  return { subject: owner, version: undefined, versions: rows, row: undefined };
}

function archiveOf(row: Parameters<typeof digestOf>[0] & { readonly size: number }): KnownBlob {
  return { digest: digestOf(row), size: row.size };
}

/** Deletes what the database has of the contents of versions. */
async function empty(
  { query, tables }: DbSession,
  { owner, version, reason, at }: Change,
  removed: readonly { readonly id: number }[],
): Promise<void> {
  const { versions, versionContents, events } = tables;
  const isMeant = and(
    eq(versions.packageId, owner.id),
    isNull(versions.takenDownAt),
    version === undefined
      ? undefined
      : inArray(
          versions.id,
          removed.map(({ id }) => id),
        ),
  );
  const ids = query.select({ id: versions.id }).from(versions).where(isMeant);
  await query.delete(versionContents).where(inArray(versionContents.versionId, ids));
  const contents = { manifest: toJson(NO_MANIFEST), warnings: toJson([]), yankMessage: null };
  await query
    .update(versions)
    .set({ ...contents, takenDownAt: at, takedownReason: reason })
    .where(isMeant);
  // Its details say in which files and lines there were secrets.
  const isOfSecrets = and(eq(events.packageName, owner.name), eq(events.kind, "version.secrets_allowed"));
  await query
    .update(events)
    .set({ details: {} })
    .where(and(isOfSecrets, version === undefined ? undefined : eq(events.version, version)));
}

/**
 * Gives the package back what the manifest of a removed version took of its room. Where the whole
 * package is taken down, nobody publishes any more.
 */
async function freeManifest(
  { query, tables: { packages } }: DbSession,
  { id }: PackageRow,
  removed: VersionRow,
): Promise<void> {
  const bytes = storedLongManifestBytes(removed);
  const isCounted = gte(packages.longManifestBytes, bytes);
  await query
    .update(packages)
    .set({ longManifestBytes: sql`${packages.longManifestBytes} - ${bytes}` })
    .where(and(eq(packages.id, id), isCounted));
}

/** Marks the package if all of it is meant. Returns its row. */
async function markPackage({ query, tables: { packages } }: DbSession, { owner, version, reason, at }: Change) {
  if (version !== undefined) return owner;
  const [after = owner] = await query
    .update(packages)
    .set({ takenDownAt: at, takedownReason: reason, statusMessage: null, statusReplacement: null })
    .where(eq(packages.id, owner.id))
    .returning();
  return after;
}

async function record(
  session: DbSession,
  origin: Origin,
  {
    owner,
    version,
    takedown: { reason, reference },
    now,
  }: {
    readonly owner: PackageRow;
    readonly version: string | undefined;
    readonly takedown: Takedown;
    readonly now: Date;
  },
): Promise<void> {
  const details = { reason, reference };
  const about = { packageName: owner.name, details };
  if (version === undefined) await recordEvent(session, origin, "package.taken_down", now, about);
  else await recordEvent(session, origin, "version.taken_down", now, { ...about, version });
}
