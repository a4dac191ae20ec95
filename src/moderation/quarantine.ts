import { eq } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { lastStatus, logStatus } from "../log/log-status.ts";
import { lockNamedPackage } from "../packages/find-package.ts";
import { loadNumberedVersion, requirePresent } from "../packages/find-version.ts";
import { type LoadedPackage, loadShownPackage } from "../packages/read.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import { type PackageRow, type Quarantinable, type VersionView, versionView } from "../packages/views.ts";
import { type StatusAction, type StatusReason, WHOLE_PACKAGE } from "../tlog/status-leaf.ts";

type ModerationDeps = Pick<Deps, "db" | "clock" | "log">;
type QuarantineDeps = ModerationDeps & { readonly config: Pick<Deps["config"], "publicUrl"> };

/** Why a version or package is quarantined. Undefined releases it. */
type Quarantine =
  | {
      /** The reason in words, which refused clients read. */
      readonly reason: string;
      /** The category in the log. Undefined means that of the present quarantine, or `policy`. */
      readonly category: StatusReason | undefined;
    }
  | undefined;

/** The change of a quarantine. */
interface Change {
  readonly columns: Quarantinable;
  /**
   * The next status in the log. Undefined if the log has it already: the reason in words is no part
   * of it.
   */
  readonly status: { readonly action: StatusAction; readonly category: StatusReason } | undefined;
  readonly details: { readonly reason?: string; readonly category?: StatusReason };
}

/**
 * Returns the change, or undefined where neither the row nor the log changes. A package that is
 * already quarantined keeps its time. The log is compared separately from the row: if somebody
 * changed only the row, the missing leaf is appended now.
 */
function changeOf(
  before: Quarantinable,
  last: Awaited<ReturnType<typeof lastStatus>>,
  quarantine: Quarantine,
  now: Date,
): Change | undefined {
  const logged = last?.action === "quarantine" ? last.category : undefined;
  const isSame = (before.quarantineReason ?? undefined) === quarantine?.reason;
  if (quarantine === undefined) {
    const status = logged && { action: "release" as const, category: logged };
    if (isSame && status === undefined) return undefined;
    return { columns: { quarantinedAt: null, quarantineReason: null }, status, details: {} };
  }
  const { reason, category = logged ?? "policy" } = quarantine;
  if (isSame && category === logged) return undefined;
  const columns = { quarantinedAt: before.quarantinedAt ?? now, quarantineReason: reason };
  const status = category === logged ? undefined : { action: "quarantine" as const, category };
  return { columns, status, details: { reason, category } };
}

/**
 * Quarantines a whole package, or releases it if `quarantine` is undefined. A quarantined package
 * is in no list and has no `latest`. Requests for the contents of its versions get `quarantined`:
 * at once from this process and within a second from others. Its metadata stays readable. The log
 * gets a leaf about it. Safe to repeat. Throws `package_not_found`, `taken_down` or `log_rollback`.
 */
export async function quarantinePackage(
  deps: ModerationDeps,
  origin: Origin,
  name: PackageName,
  quarantine: Quarantine,
): Promise<LoadedPackage> {
  const { db, clock } = deps;
  const now = clock();
  return db.write(async (session) => {
    const { packages } = session.tables;
    const before = await lockNamedPackage(session, name);
    requirePresent(name, before);
    const subject = { packageId: before.id, name, version: WHOLE_PACKAGE };
    const change = changeOf(before, await lastStatus(session, subject), quarantine, now);
    if (change === undefined) return loadShownPackage(session, before);
    const { columns, status, details } = change;
    const isSubject = eq(packages.id, before.id);
    const [changed = before] = await session.query.update(packages).set(columns).where(isSubject).returning();
    const after = await rebuilt(session, db.kind, changed);
    const kind = quarantine === undefined ? "package.released" : "package.quarantined";
    await recordEvent(session, origin, kind, now, { packageName: name, details });
    const loaded = await loadShownPackage(session, after);
    if (status !== undefined)
      await logStatus(session, deps, subject, { ...status, words: columns.quarantineReason }, now);
    return loaded;
  });
}

/** `quarantinePackage` for one version, named by its number. Throws `version_not_found` too. */
export async function quarantineVersion(
  deps: QuarantineDeps,
  origin: Origin,
  name: PackageName,
  asked: string | null,
  quarantine: Quarantine,
): Promise<VersionView> {
  const { db, clock, config } = deps;
  const now = clock();
  return db.write(async (session) => {
    const { versions } = session.tables;
    const ofPackage = await lockNamedPackage(session, name);
    const published = await loadNumberedVersion(session, ofPackage, asked);
    const { id, version } = published.row;
    requirePresent(`${name} ${version}`, published.row);
    const subject = { packageId: ofPackage.id, name, version };
    const change = changeOf(published.row, await lastStatus(session, subject), quarantine, now);
    if (change === undefined) return versionView(config.publicUrl, name, published);
    const { columns, status, details } = change;
    const isSubject = eq(versions.id, id);
    const [row = published.row] = await session.query.update(versions).set(columns).where(isSubject).returning();
    await rebuilt(session, db.kind, ofPackage);
    const kind = quarantine === undefined ? "version.released" : "version.quarantined";
    await recordEvent(session, origin, kind, now, { packageName: name, version, details });
    if (status !== undefined)
      await logStatus(session, deps, subject, { ...status, words: columns.quarantineReason }, now);
    return versionView(config.publicUrl, name, { ...published, row });
  });
}

/**
 * Rebuilds the listing of the package, which keeps its position in lists sorted by last change: a
 * quarantine is no change by its owners.
 */
async function rebuilt(session: DbSession, kind: Database["kind"], changed: PackageRow): Promise<PackageRow> {
  await rebuildListing(session, kind, changed, changed.updatedAt);
  const { packages } = session.tables;
  const [row = changed] = await session.query.select().from(packages).where(eq(packages.id, changed.id));
  return row;
}
