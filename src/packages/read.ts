import { inArray } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { Turns } from "../runtime/turns.ts";
import type { PackageSearch } from "../search/package-search.ts";
import { searchPackages } from "../search/search-packages.ts";
import { loadOwners, loadPackage, ownersOf } from "./find-package.ts";
import { loadNamedVersion, loadVersions } from "./find-version.ts";
import {
  type PackageRow,
  type PackageSummary,
  type PackageView,
  packageSummary,
  type VersionView,
  versionView,
} from "./views.ts";

type ReadDeps = Pick<Deps, "db" | "config">;

/**
 * Reads a package with all its versions, the highest first, as JSON. A package may have thousands of
 * versions and megabytes of manifests, so the text is made in turns. Throws `package_not_found`.
 */
export async function readPackageJson({ db, config }: ReadDeps, name: PackageName): Promise<string> {
  const turns = new Turns();
  const { row, owners, versions } = await db.read(async (session) => {
    const found = await loadPackage(session, name);
    const ofPackage = await ownersOf(session, found.id);
    return { row: found, owners: ofPackage, versions: await loadVersions(session, found.id) };
  });
  const texts: string[] = [];
  for (const version of versions) {
    const pause = turns.pause();
    if (pause !== undefined) await pause;
    texts.push(JSON.stringify(versionView(config.publicUrl, row.name, version)));
  }
  const pause = turns.pause();
  if (pause !== undefined) await pause;
  const summary = JSON.stringify(packageSummary(row, owners));
  return `${summary.slice(0, -1)},"versions":[${texts.join(",")}]}`;
}

/** Makes the view of a package row, with all its versions. */
export async function viewPackage(session: DbSession, publicUrl: string, row: PackageRow): Promise<PackageView> {
  const owners = await ownersOf(session, row.id);
  const versions = (await loadVersions(session, row.id)).map((version) => versionView(publicUrl, row.name, version));
  return { ...packageSummary(row, owners), versions };
}

/** Reads one version, or `latest`. Throws `package_not_found` or `version_not_found`. */
export function readVersion({ db, config }: ReadDeps, name: PackageName, asked: string | null): Promise<VersionView> {
  return db.read(async (session) => versionView(config.publicUrl, name, await loadNamedVersion(session, name, asked)));
}

/** One page of packages and the number of all that match. */
export interface PackageList {
  readonly items: readonly PackageSummary[];
  readonly total: number;
  /**
   * Set only if more packages match than a search counts. Then `total` is the largest number that
   * it counts.
   */
  readonly totalCapped?: true;
}

/** Lists packages that match a search, in its order. */
export async function listPackages(deps: ReadDeps, search: PackageSearch): Promise<PackageList> {
  const { ids, total, isCapped } = await searchPackages(deps, search);
  const totals = isCapped ? { total, totalCapped: true as const } : { total };
  if (ids.length === 0) return { items: [], ...totals };
  return deps.db.read(async (session) => {
    const { packages } = session.tables;
    const rows = await session.query
      .select()
      .from(packages)
      .where(inArray(packages.id, [...ids]));
    const owners = await loadOwners(session, ids);
    const byId = new Map(rows.map((row) => [row.id, packageSummary(row, owners.get(row.id) ?? [])]));
    return { items: ids.flatMap((id) => byId.get(id) ?? []), ...totals };
  });
}
