import { and, eq } from "drizzle-orm";
import { type Actor, requireScopeFor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { logYanks } from "../log/log-yanks.ts";
import { lockNamedPackage, requireOwner } from "./find-package.ts";
import { loadNumberedVersion, requirePresent } from "./find-version.ts";
import { rebuildListing } from "./rebuild-listing.ts";
import { requireReplacement } from "./replacement.ts";
import { type VersionRow, type VersionView, versionView } from "./views.ts";
import type { YankReason } from "./yank-reasons.ts";

/** Why a version is yanked. */
export interface Yank {
  readonly reason: YankReason | undefined;
  readonly message: string | undefined;
  /** What to use instead, in a form that `isReplacement` accepts. */
  readonly replacement: string | undefined;
}

const NOT_YANKED = { yankedAt: null, yankReason: null, yankMessage: null, yankReplacement: null };

/**
 * Returns the columns of a row with this yank, or without one. A yanked version keeps the time of
 * its first yank.
 */
function columnsOf({ yankedAt }: VersionRow, yank: Yank | undefined, now: Date) {
  if (yank === undefined) return NOT_YANKED;
  const { reason = null, message = null, replacement = null } = yank;
  return { yankedAt: yankedAt ?? now, yankReason: reason, yankMessage: message, yankReplacement: replacement };
}

type YankColumns = ReturnType<typeof columnsOf>;

function hasYank(row: VersionRow, columns: YankColumns): boolean {
  return (
    row.yankedAt?.getTime() === columns.yankedAt?.getTime() &&
    row.yankReason === columns.yankReason &&
    row.yankMessage === columns.yankMessage &&
    row.yankReplacement === columns.yankReplacement
  );
}

/**
 * Takes a version out of search and `latest`, or puts it back with `yank` undefined. The version
 * stays downloadable, because other packages may depend on it. Only an owner may. Yanking a yanked
 * version changes the reason. Both are safe to repeat. Throws `package_not_found`,
 * `version_not_found`, `not_an_owner`, `insufficient_scope`, `validation_failed` for a replacement
 * that cannot be used, or `version_compromised` where a yank and its reason are permanent.
 */
export async function setYanked(
  { db, clock, config, log }: Pick<Deps, "db" | "clock" | "config" | "log">,
  actor: Actor,
  name: PackageName,
  asked: string | null,
  yank: Yank | undefined,
): Promise<VersionView> {
  requireScopeFor(actor, name, "yank");
  const now = clock();
  return db.write(async (session) => {
    const { versions } = session.tables;
    const changed = await lockNamedPackage(session, name);
    await requireOwner(session, changed, actor.user.id);
    const published = await loadNumberedVersion(session, changed, asked);
    const { id, version, keyCompromised } = published.row;
    // Its words were erased with it, and nobody gives it others.
    requirePresent(`${name} ${version}`, published.row);
    const columns = columnsOf(published.row, yank, now);
    // A repeated request changes nothing: it must not move the package in lists sorted by last
    // change.
    if (hasYank(published.row, columns)) return versionView(config.publicUrl, name, published);
    // Nor may the owner, or somebody who took over the owner's account, change the reason of such a
    // yank.
    if (keyCompromised) throw failure({ code: "version_compromised", name, version });
    const instead = yank?.replacement;
    if (instead !== undefined) await requireReplacement(session, { config }, actor, name, instead);
    const [row = published.row] = await session.query
      .update(versions)
      .set(columns)
      .where(and(eq(versions.packageId, changed.id), eq(versions.id, id)))
      .returning();
    await rebuildListing(session, db.kind, changed, now);
    const { yankReason: reason, yankReplacement: replacement } = columns;
    const kind = yank === undefined ? "version.unyanked" : "version.yanked";
    const details = yank === undefined ? {} : { reason, replacement };
    await recordEvent(session, actor.origin, kind, now, { packageName: name, version, details });
    // The log records that a version is yanked, not the reason: a new reason is no new leaf.
    if ((published.row.yankedAt === null) !== (row.yankedAt === null)) {
      await logYanks(
        session,
        { log },
        yank === undefined ? "unyank" : "yank",
        actor.user.username,
        [{ ...row, name }],
        now,
      );
    }
    return versionView(config.publicUrl, name, { ...published, row });
  });
}
