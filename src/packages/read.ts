import { inArray } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { Turns } from "../runtime/turns.ts";
import { formatCursor } from "../search/list-cursor.ts";
import type { PackageSearch } from "../search/package-search.ts";
import { searchPackages } from "../search/search-packages.ts";
import { loadOwners, loadPackage, ownersOf } from "./find-package.ts";
import { loadPresentVersion, loadVersion, loadVersions, requirePresent, type VersionRange } from "./find-version.ts";
import { type ListedManifest, listedManifest, type ManifestRecord, manifestFrom } from "./records.ts";
import {
  type PackageRow,
  type PackageSummary,
  type PublishedVersion,
  packageSummary,
  type VersionView,
  versionView,
} from "./views.ts";

type ReadDeps = Pick<Deps, "db" | "config">;

/** The most versions in the document of a package. */
export const VERSIONS_PAGE_MAX = 100;

/** A package with some of its versions, the highest first, as the database has them. */
export interface LoadedPackage {
  readonly row: PackageRow;
  readonly owners: readonly string[];
  /** Undefined if no version is latest. */
  readonly latestManifest: ManifestRecord | undefined;
  readonly versions: readonly PublishedVersion[];
  /** The version to go on below; null at the end. */
  readonly nextCursor: string | null;
}

/** Which versions the document of a package has: by default the highest. */
export type VersionsPage = Omit<VersionRange, "max"> & { readonly max?: number };

/** Loads what the view of a package row is made of. */
export async function loadShownPackage(
  session: DbSession,
  row: PackageRow,
  { max = VERSIONS_PAGE_MAX, ...place }: VersionsPage = {},
): Promise<LoadedPackage> {
  const owners = await ownersOf(session, row.id);
  const found = await loadVersions(session, row.id, { ...place, max: max + 1 });
  const versions = found.slice(0, max);
  const nextCursor = found.length > max ? (versions.at(-1)?.row.versionKey ?? null) : null;
  return { row, owners, versions, nextCursor, latestManifest: await loadLatestManifest(session, row, versions) };
}

async function loadLatestManifest(
  session: DbSession,
  row: PackageRow,
  versions: readonly PublishedVersion[],
): Promise<ManifestRecord | undefined> {
  if (row.latest === null) return undefined;
  const isLatest = (one: PublishedVersion) => one.row.version === row.latest;
  const latest = versions.find(isLatest) ?? (await loadVersion(session, row, row.latest));
  return manifestFrom(latest.row.manifest);
}

/**
 * Writes the view of a package as JSON. A hundred versions may have megabytes of manifests, so the
 * text is made in turns. `turns` began when the package was loaded.
 */
export async function packageJson(
  publicUrl: string,
  { row, owners, versions, latestManifest, nextCursor }: LoadedPackage,
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
  const summary = JSON.stringify({ ...packageSummary(row, owners, latestManifest), nextCursor });
  return `${summary.slice(0, -1)},"versions":[${texts.join(",")}]}`;
}

/** Reads a package with some of its versions as JSON. Throws `package_not_found` or `taken_down`. */
export async function readPackageJson(
  { db, config }: ReadDeps,
  name: PackageName,
  page: VersionsPage = {},
): Promise<string> {
  const turns = new Turns();
  const loaded = await db.read(async (session) => {
    const row = await loadPackage(session, name);
    requirePresent(name, row);
    return loadShownPackage(session, row, page);
  });
  return packageJson(config.publicUrl, loaded, turns);
}

/** Reads one version, or `latest`. Throws `package_not_found`, `version_not_found` or `taken_down`. */
export function readVersion({ db, config }: ReadDeps, name: PackageName, asked: string | null): Promise<VersionView> {
  return db.read(async (session) =>
    versionView(config.publicUrl, name, await loadPresentVersion(session, name, asked)),
  );
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
  /** Set only if nothing matches, and these are packages whose names resemble the text. */
  readonly isResembling?: true;
  /** What to send as `cursor` to go on; null at the end. */
  readonly nextCursor: string | null;
}

/** Lists packages that match a search, in its order. */
export async function listPackages(deps: ReadDeps, search: PackageSearch): Promise<PackageList> {
  const { ids, total, isCapped, isResembling, next } = await searchPackages(deps, search);
  const nextCursor = next === undefined ? null : formatCursor(search, next);
  const totals = {
    total,
    ...(isCapped && { totalCapped: true as const }),
    ...(isResembling && { isResembling }),
    nextCursor,
  };
  if (ids.length === 0) return { items: [], ...totals };
  return deps.db.read(async (session) => ({ items: await summariesOf(session, deps.db.kind, ids), ...totals }));
}

/** Loads packages as lists show them, in the order of the ids. */
export async function summariesOf(
  session: DbSession,
  kind: Database["kind"],
  ids: readonly number[],
): Promise<PackageSummary[]> {
  if (ids.length === 0) return [];
  const { packages } = session.tables;
  const rows = await session.query
    .select()
    .from(packages)
    .where(inArray(packages.id, [...ids]));
  const [owners, manifests] = await pipelined([loadOwners(session, ids), loadLatestManifests(session, kind, rows)]);
  const byId = new Map(
    rows.map((row) => [row.id, packageSummary(row, owners.get(row.id) ?? [], manifests.get(row.id))]),
  );
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/**
 * Selects what lists show of manifests, for `[package id, version key]` in one JSON array. Drizzle
 * would need longer to build a condition for each package than the database needs to answer.
 */
const LATEST_MANIFESTS: Readonly<Record<Database["kind"], string>> = {
  sqlite: `SELECT v.package_id, json_extract(v.manifest, '$.inputs'), json_extract(v.manifest, '$.maintainers')
    FROM json_each(?) AS asked CROSS JOIN versions AS v
    WHERE v.package_id = json_extract(asked.value, '$[0]') AND v.version_key = json_extract(asked.value, '$[1]')`,
  postgres: `SELECT v.package_id, v.manifest->>'inputs', v.manifest->>'maintainers'
    FROM jsonb_array_elements($1::text::jsonb) AS asked
    JOIN versions AS v ON v.package_id = (asked->>0)::bigint AND v.version_key = asked->>1`,
};

/** Loads what lists show of the manifests of latest versions, by the id of the package. */
async function loadLatestManifests(
  session: DbSession,
  kind: Database["kind"],
  rows: readonly PackageRow[],
): Promise<ReadonlyMap<number, ListedManifest>> {
  const asked = rows.flatMap(({ id, latest }) => {
    const version = parseVersion(latest ?? "");
    return version === undefined ? [] : [[id, version.key]];
  });
  if (asked.length === 0) return new Map();
  const found = await session.values(LATEST_MANIFESTS[kind], [JSON.stringify(asked)]);
  return new Map(
    found.map(([id, inputs, maintainers]) => [
      Number(id),
      listedManifest(JSON.parse(String(inputs)), JSON.parse(String(maintainers))),
    ]),
  );
}
