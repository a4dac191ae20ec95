import { and, desc, eq, lt } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { loadPackage } from "./find-package.ts";
import { type QuarantineView, quarantineView } from "./views.ts";

/** The most versions of one page. */
const PAGE_MAX = 50;

/** A version as its owners manage it. */
export interface VersionState {
  readonly version: string;
  readonly publishedAt: string;
  readonly yanked: boolean;
  readonly yankReason: string | null;
  /** The quarantine of the version itself; null if it has none, also in a package that has one. */
  readonly quarantine: QuarantineView | null;
  /** True if the key was compromised before it signed this version. Its yank is permanent. */
  readonly compromised: boolean;
}

/** Some versions, the highest first, and the version below which to continue; null at the end. */
export interface VersionStates {
  readonly items: readonly VersionState[];
  readonly next: string | null;
}

/**
 * Lists the versions of a package without their manifests, which can be megabytes. The page begins
 * below `below`, which is ignored unless it is a version. Throws `package_not_found`.
 */
export function listVersionStates(
  { db }: Pick<Deps, "db">,
  name: PackageName,
  below: string | undefined,
): Promise<VersionStates> {
  return db.read(async (session) => {
    const { id } = await loadPackage(session, name);
    const { versions } = session.tables;
    const { version, publishedAt, yankedAt, yankReason, keyCompromised, versionOrder } = versions;
    const { quarantinedAt, quarantineReason } = versions;
    const order = parseVersion(below ?? "")?.order;
    const rows = await session.query
      .select({ version, publishedAt, yankedAt, yankReason, keyCompromised, quarantinedAt, quarantineReason })
      .from(versions)
      .where(and(eq(versions.packageId, id), order === undefined ? undefined : lt(versionOrder, order)))
      .orderBy(desc(versionOrder))
      .limit(PAGE_MAX + 1);
    const items = rows.slice(0, PAGE_MAX).map((row) => ({
      version: row.version,
      publishedAt: row.publishedAt.toISOString(),
      yanked: row.yankedAt !== null,
      yankReason: row.yankReason,
      quarantine: quarantineView(row),
      compromised: row.keyCompromised,
    }));
    return { items, next: rows.length > PAGE_MAX ? (items.at(-1)?.version ?? null) : null };
  });
}
