import { eq } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { lockNamedPackage } from "../packages/find-package.ts";
import { loadNumberedVersion } from "../packages/find-version.ts";
import { viewPackage } from "../packages/read.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import {
  type PackageRow,
  type PackageView,
  type Quarantinable,
  type VersionView,
  versionView,
} from "../packages/views.ts";

type QuarantineDeps = Pick<Deps, "db" | "clock"> & { readonly config: Pick<Deps["config"], "publicUrl"> };

/** Why a version or package is held back; undefined releases it. */
type Reason = string | undefined;

/**
 * Returns the columns after the change, or undefined where nothing changes. What is held back
 * already keeps its time.
 */
function changeOf(before: Quarantinable, reason: Reason, now: Date): Quarantinable | undefined {
  if ((before.quarantineReason ?? undefined) === reason) return undefined;
  if (reason === undefined) return { quarantinedAt: null, quarantineReason: null };
  return { quarantinedAt: before.quarantinedAt ?? now, quarantineReason: reason };
}

/**
 * Holds a whole package back, or releases it with `reason` undefined. It is in no list and has no
 * `latest`, and requests for the contents of its versions get `quarantined`: at once from this
 * process and within a second from others. Its metadata stays readable. Safe to repeat. Throws
 * `package_not_found`.
 */
export async function quarantinePackage(
  deps: QuarantineDeps,
  origin: Origin,
  name: PackageName,
  reason: Reason,
): Promise<PackageView> {
  const { db, clock, config } = deps;
  const now = clock();
  return db.write(async (session) => {
    const { packages } = session.tables;
    const before = await lockNamedPackage(session, name);
    const change = changeOf(before, reason, now);
    if (change === undefined) return viewPackage(session, config.publicUrl, before);
    const isHeld = eq(packages.id, before.id);
    const [changed = before] = await session.query.update(packages).set(change).where(isHeld).returning();
    const after = await rebuilt(session, db.kind, changed);
    const kind = reason === undefined ? "package.released" : "package.quarantined";
    await recordEvent(session, origin, kind, now, { packageName: name, details: detailsOf(reason) });
    return viewPackage(session, config.publicUrl, after);
  });
}

/** `quarantinePackage` for one version, named by its number. Throws `version_not_found` too. */
export async function quarantineVersion(
  deps: QuarantineDeps,
  origin: Origin,
  name: PackageName,
  asked: string | null,
  reason: Reason,
): Promise<VersionView> {
  const { db, clock, config } = deps;
  const now = clock();
  return db.write(async (session) => {
    const { versions } = session.tables;
    const ofPackage = await lockNamedPackage(session, name);
    const published = await loadNumberedVersion(session, ofPackage, asked);
    const { id, version } = published.row;
    const change = changeOf(published.row, reason, now);
    if (change === undefined) return versionView(config.publicUrl, name, published);
    const [row = published.row] = await session.query
      .update(versions)
      .set(change)
      .where(eq(versions.id, id))
      .returning();
    await rebuilt(session, db.kind, ofPackage);
    const kind = reason === undefined ? "version.released" : "version.quarantined";
    await recordEvent(session, origin, kind, now, { packageName: name, version, details: detailsOf(reason) });
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

function detailsOf(reason: Reason) {
  return reason === undefined ? {} : { reason };
}
