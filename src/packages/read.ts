import { and, eq, inArray, or } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { Turns } from "../runtime/turns.ts";
import type { PackageSearch } from "../search/package-search.ts";
import { searchPackages } from "../search/search-packages.ts";
import { loadOwners, loadPackage, ownersOf } from "./find-package.ts";
import { loadNamedVersion, loadVersions } from "./find-version.ts";
import { type ManifestRecord, manifestFrom } from "./records.ts";
import {
  type PackageRow,
  type PackageSummary,
  type PackageView,
  type PublishedVersion,
  packageSummary,
  type VersionView,
  versionView,
} from "./views.ts";

type ReadDeps = Pick<Deps, "db" | "config">;

/** A package with all its versions, the highest first, as the database has them. */
export interface LoadedPackage {
  readonly row: PackageRow;
  readonly owners: readonly string[];
  readonly versions: readonly PublishedVersion[];
}

/** Loads what the view of a package row is made of. */
export async function loadWholePackage(session: DbSession, row: PackageRow): Promise<LoadedPackage> {
  return { row, owners: await ownersOf(session, row.id), versions: await loadVersions(session, row.id) };
}

function latestManifest(row: PackageRow, versions: readonly PublishedVersion[]): ManifestRecord | undefined {
  const latest = versions.find((one) => one.row.version === row.latest);
  return latest && manifestFrom(latest.row.manifest);
}

/** Makes the view of a package row, with all its versions. */
export async function viewPackage(session: DbSession, publicUrl: string, row: PackageRow): Promise<PackageView> {
  const { owners, versions } = await loadWholePackage(session, row);
  const summary = packageSummary(row, owners, latestManifest(row, versions));
  return { ...summary, versions: versions.map((one) => versionView(publicUrl, row.name, one)) };
}

/**
 * Writes the view of a package as JSON. A package may have thousands of versions and megabytes of
 * manifests, so the text is made in turns. `turns` began when the package was loaded.
 */
export async function packageJson(
  publicUrl: string,
  { row, owners, versions }: LoadedPackage,
  turns = new Turns(),
): Promise<string> {
  const texts: string[] = [];
  for (const version of versions) {
    const pause = turns.pause();
    if (pause !== undefined) await pause;
    texts.push(JSON.stringify(versionView(publicUrl, row.name, version)));
  }
  const pause = turns.pause();
  if (pause !== undefined) await pause;
  const summary = JSON.stringify(packageSummary(row, owners, latestManifest(row, versions)));
  return `${summary.slice(0, -1)},"versions":[${texts.join(",")}]}`;
}

/** Reads a package with all its versions as JSON. Throws `package_not_found`. */
export async function readPackageJson({ db, config }: ReadDeps, name: PackageName): Promise<string> {
  const turns = new Turns();
  const loaded = await db.read(async (session) => loadWholePackage(session, await loadPackage(session, name)));
  return packageJson(config.publicUrl, loaded, turns);
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
  return deps.db.read(async (session) => ({ items: await summariesOf(session, ids), ...totals }));
}

/** Loads packages as lists show them, in the order of the ids. */
export async function summariesOf(session: DbSession, ids: readonly number[]): Promise<PackageSummary[]> {
  if (ids.length === 0) return [];
  const { packages } = session.tables;
  const rows = await session.query
    .select()
    .from(packages)
    .where(inArray(packages.id, [...ids]));
  const [owners, manifests] = await pipelined([loadOwners(session, ids), loadLatestManifests(session, rows)]);
  const byId = new Map(
    rows.map((row) => [row.id, packageSummary(row, owners.get(row.id) ?? [], manifests.get(row.id))]),
  );
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** Loads the manifests of the latest versions of packages, by the id of the package. */
async function loadLatestManifests(
  { query, tables: { versions } }: DbSession,
  rows: readonly PackageRow[],
): Promise<ReadonlyMap<number, ManifestRecord>> {
  const latest = rows.flatMap(({ id, latest: text }) => {
    const version = parseVersion(text ?? "");
    return version === undefined ? [] : [and(eq(versions.packageId, id), eq(versions.versionKey, version.key))];
  });
  if (latest.length === 0) return new Map();
  const found = await query
    .select({ packageId: versions.packageId, manifest: versions.manifest })
    .from(versions)
    .where(or(...latest));
  return new Map(found.map(({ packageId, manifest }) => [packageId, manifestFrom(manifest)]));
}
