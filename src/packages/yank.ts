import { and, eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { PackageName } from "../registry/package-name.ts";
import { lockNamedPackage, requireOwner } from "./find-package.ts";
import { loadVersion } from "./find-version.ts";
import { refreshSummary } from "./refresh-summary.ts";
import { type VersionRow, type VersionView, versionView } from "./views.ts";

/** Why a version is yanked; undefined takes the yank back. */
export interface Yank {
  readonly reason: string | undefined;
  readonly message: string | undefined;
}

function isYankedAs(row: VersionRow, yank: Yank | undefined): boolean {
  if (yank === undefined || row.yankedAt === null) return yank === undefined && row.yankedAt === null;
  return row.yankReason === (yank.reason ?? null) && row.yankMessage === (yank.message ?? null);
}

/**
 * Takes a version out of search and `latest`, or back in; it stays downloadable, because somebody depends on it. Only
 * an owner may. Yanking a yanked version changes its reason; both are safe to repeat.
 * Throws `package_not_found`, `version_not_found` or `not_an_owner`.
 */
export async function setYanked(
  { db, clock, config }: Pick<Deps, "db" | "clock" | "config">,
  userId: string,
  name: PackageName,
  asked: string | null,
  yank: Yank | undefined,
): Promise<VersionView> {
  // What `latest` names changes with a yank: repeated after a lost answer, the request would yank a second version.
  const hint = "Name the version by its number.";
  if (asked === "latest") throw failure({ code: "version_not_found", name, version: asked, hint });
  const now = clock();
  return db.write(async (session) => {
    const { versions } = session.tables;
    const changed = await lockNamedPackage(session, name);
    await requireOwner(session, changed, userId);
    const { row, publishedBy } = await loadVersion(session, changed, asked);
    // A repeated request is no news: it must not lift the package in lists that are sorted by the last change.
    if (isYankedAs(row, yank)) return versionView(config.publicUrl, name, { row, publishedBy });
    const yanked = yank && {
      yankedAt: row.yankedAt ?? now,
      yankReason: yank.reason ?? null,
      yankMessage: yank.message ?? null,
    };
    const [after] = await session.query
      .update(versions)
      .set(yanked ?? { yankedAt: null, yankReason: null, yankMessage: null })
      .where(and(eq(versions.packageId, changed.id), eq(versions.id, row.id)))
      .returning();
    await refreshSummary(session, db.kind, changed, now);
    return versionView(config.publicUrl, name, { row: after ?? row, publishedBy });
  });
}
