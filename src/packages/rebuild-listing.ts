import { eq, sql } from "drizzle-orm";
import type { Inspection } from "../archive/inspect.ts";
import type { Database, DbSession, Tables } from "../db/database.ts";
import type { Json } from "../db/json.ts";
import { pipelined } from "../db/pipeline.ts";
import { change, statement, valueFor } from "../db/statement.ts";
import { foldIdentity } from "../domain/identity.ts";
import { foldName, parsePackageName } from "../domain/package-name.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../domain/version.ts";
import { foldTag } from "../search/search-packages.ts";
import { indexPackage, unindexPackage } from "../search/searchable.ts";
import { ownersOf } from "./find-package.ts";
import { isAvailable, loadCandidates, type VersionOutline, versionOf } from "./find-version.ts";
import { type ManifestRecord, manifestFrom } from "./records.ts";
import type { PackageRow, VersionRow } from "./views.ts";

/**
 * Chooses the one version of `loadCandidates` that a package is shown and found by: the highest
 * release that is available, else the highest pre-release that is available, else the highest
 * version. A package in quarantine has no latest version and is not listed.
 */
function chooseVersions(published: readonly VersionOutline[], { quarantinedAt }: PackageRow) {
  const available = published.filter(isAvailable);
  const release = available.find((row) => !isPrerelease(versionOf(row)));
  const shown = release ?? available[0] ?? published[0];
  if (quarantinedAt !== null) return { latest: undefined, shown, listed: false };
  return { latest: release, shown, listed: available.length > 0 };
}

const manifestOfVersion = statement<{ id: number }, { manifest: Json }>(({ query, tables: { versions } }) =>
  query
    .select({ manifest: versions.manifest })
    .from(versions)
    .where(eq(versions.id, sql.placeholder("id"))),
);

async function loadManifest(session: DbSession, { id }: VersionOutline): Promise<ManifestRecord> {
  const [row] = await manifestOfVersion(session, { id });
  if (row === undefined) throw new Error("A version that was listed was not found");
  return manifestFrom(row.manifest);
}

/**
 * Returns the authors that a package is found under: its owners and the maintainers in its
 * manifest, each once, case folded.
 */
export function authorsOf(
  { maintainers }: { readonly maintainers: readonly { readonly name?: string | undefined }[] },
  owners: readonly string[],
): string[] {
  const names = [...owners, ...maintainers.flatMap(({ name }) => name ?? [])];
  return [...new Set(names.map((name) => foldIdentity(name.trim())).filter((name) => name !== ""))];
}

const tagsOfPackage = statement<{ packageId: number }, { tag: string }>(({ query, tables: { packageTags } }) =>
  query
    .select({ tag: packageTags.tag })
    .from(packageTags)
    .where(eq(packageTags.packageId, sql.placeholder("packageId"))),
);

const authorsOfPackage = statement<{ packageId: number }, { author: string }>(({ query, tables: { packageAuthors } }) =>
  query
    .select({ author: packageAuthors.author })
    .from(packageAuthors)
    .where(eq(packageAuthors.packageId, sql.placeholder("packageId"))),
);

const dependenciesOfPackage = statement<{ packageId: number }, { dependency: string }>(
  ({ query, tables: { packageDependencies } }) =>
    query
      .select({ dependency: packageDependencies.dependency })
      .from(packageDependencies)
      .where(eq(packageDependencies.packageId, sql.placeholder("packageId"))),
);

/** The tags and authors that lists are filtered by, and the packages that it depends on. */
interface Facets {
  readonly tags: readonly string[];
  readonly authors: readonly string[];
  readonly dependencies: readonly string[];
}

/**
 * Returns the folded names of the packages that a manifest depends on, each once. Other texts name
 * no package.
 */
export function dependenciesOf({ dependencies }: Pick<ManifestRecord, "dependencies">): string[] {
  const names = dependencies.flatMap(({ name }) => parsePackageName(name) ?? []);
  return [...new Set(names.map(foldName))];
}

async function loadFacets(session: DbSession, packageId: number): Promise<Facets> {
  const [tags, authors, dependencies] = await pipelined([
    tagsOfPackage(session, { packageId }),
    authorsOfPackage(session, { packageId }),
    dependenciesOfPackage(session, { packageId }),
  ]);
  return {
    tags: tags.map(({ tag }) => tag),
    authors: authors.map(({ author }) => author),
    dependencies: dependencies.map(({ dependency }) => dependency),
  };
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && new Set([...some, ...others]).size === others.length;
}

/**
 * Replaces the facets that changed. Most publishes change none of them, and then it writes nothing.
 */
async function replaceFacets(session: DbSession, packageId: number, before: Facets, now: Facets) {
  const { query, tables } = session;
  const { packageTags, packageAuthors, packageDependencies } = tables;
  const { tags, authors, dependencies } = now;
  if (!isSameSet(before.tags, tags)) {
    await query.delete(packageTags).where(eq(packageTags.packageId, packageId));
    if (tags.length > 0) await query.insert(packageTags).values(tags.map((tag) => ({ packageId, tag })));
  }
  if (!isSameSet(before.authors, authors)) {
    await query.delete(packageAuthors).where(eq(packageAuthors.packageId, packageId));
    if (authors.length > 0) await query.insert(packageAuthors).values(authors.map((author) => ({ packageId, author })));
  }
  if (!isSameSet(before.dependencies, dependencies)) {
    await query.delete(packageDependencies).where(eq(packageDependencies.packageId, packageId));
    const rows = dependencies.map((dependency) => ({ packageId, dependency }));
    if (rows.length > 0) await query.insert(packageDependencies).values(rows);
  }
}

/** The columns of a package row that derive from its versions. */
type Listing = Pick<PackageRow, "description" | "tags" | "latest" | "latestPublishedAt" | "listed" | "updatedAt">;

/** Adds what a change of versions contributes to the bytes of long manifests. */
const moreManifestBytes = ({ longManifestBytes }: Tables["packages"]) =>
  sql`${longManifestBytes} + ${sql.placeholder("moreManifestBytes")}`;

type Touched = Pick<PackageRow, "updatedAt"> & { readonly packageId: number; readonly moreManifestBytes: number };

const writeListing = change<Listing & Touched>(({ query, tables: { packages } }) =>
  query
    .update(packages)
    .set({
      description: valueFor(packages.description, "description"),
      tags: valueFor(packages.tags, "tags"),
      latest: valueFor(packages.latest, "latest"),
      latestPublishedAt: valueFor(packages.latestPublishedAt, "latestPublishedAt"),
      listed: valueFor(packages.listed, "listed"),
      updatedAt: valueFor(packages.updatedAt, "updatedAt"),
      longManifestBytes: moreManifestBytes(packages),
    })
    .where(eq(packages.id, sql.placeholder("packageId"))),
);

const touchPackage = change<Touched>(({ query, tables: { packages } }) =>
  query
    .update(packages)
    .set({
      updatedAt: valueFor(packages.updatedAt, "updatedAt"),
      longManifestBytes: moreManifestBytes(packages),
    })
    .where(eq(packages.id, sql.placeholder("packageId"))),
);

/** What a listing derives from in addition to versions. Most changes leave it as it was. */
interface Sources {
  readonly owners: readonly string[];
  readonly facets: Facets;
}

async function loadSources(session: DbSession, packageId: number): Promise<Sources> {
  const [owners, facets] = await pipelined([ownersOf(session, packageId), loadFacets(session, packageId)]);
  return { owners, facets };
}

/**
 * The candidates that a listing is chosen from. `fresh` is the one that was published just now,
 * with `moreManifestBytes` of long manifest.
 */
interface Chosen {
  readonly published: readonly VersionOutline[];
  readonly fresh?: VersionRow;
  readonly moreManifestBytes?: number;
}

/**
 * Writes what derives from versions and sources. The manifest of `fresh` need not be read again.
 */
async function writeDerived(
  session: DbSession,
  kind: Database["kind"],
  changed: PackageRow,
  updatedAt: Date,
  { published, owners, facets, fresh, moreManifestBytes = 0 }: Sources & Chosen,
): Promise<void> {
  const { id: packageId, name, downloads } = changed;
  const { latest, shown, listed } = chooseVersions(published, changed);
  if (shown === undefined) return;
  const manifest = shown.id === fresh?.id ? manifestFrom(fresh.manifest) : await loadManifest(session, shown);
  const tags = [...new Set(manifest.tags.map(foldTag))];
  const authors = authorsOf(manifest, owners);
  const { description } = manifest;
  const { version = null, publishedAt = null } = latest ?? {};
  const listing = { description, tags: [...manifest.tags], latest: version, latestPublishedAt: publishedAt, listed };
  await pipelined([
    writeListing(session, { packageId, ...listing, updatedAt, moreManifestBytes }),
    // A package that is not listed is not among the dependents of another.
    replaceFacets(session, packageId, facets, { tags, authors, dependencies: listed ? dependenciesOf(manifest) : [] }),
    listed
      ? indexPackage(session, kind, { packageId, name, tags, authors, description, downloads })
      : unindexPackage(session, kind, packageId),
  ]);
}

/**
 * Derives everything that the package row, the facets and the search know of a package's versions
 * and owners. It runs in the transaction that changed them, with the package row locked and as that
 * change left it, so that no two changes derive from half of each other. `updatedAt` moves the
 * package in lists sorted by last change; pass the current `updatedAt` to keep its position.
 */
export async function rebuildListing(
  session: DbSession,
  kind: Database["kind"],
  changed: PackageRow,
  updatedAt: Date,
): Promise<void> {
  const { id } = changed;
  const [published, sources] = await pipelined([loadCandidates(session, id), loadSources(session, id)]);
  await writeDerived(session, kind, changed, updatedAt, { ...sources, published });
}

/** The parts of a publication that the listing of its package shows. */
interface Published {
  readonly inspection: Pick<Inspection, "manifest">;
  readonly longManifestBytes: number;
}

/** Reports whether a version that is published now replaces the latest one. */
function isLater(published: Version, latest: Version): boolean {
  return !isPrerelease(published) && compareVersions(published, latest) > 0;
}

/**
 * `rebuildListing` after a publish, in two steps: it reads in the same message as the insert, and
 * returns the step that writes. If the package has a latest version, the new one either replaces it
 * or changes nothing but `updatedAt`. The other versions, of which there may be thousands, are not
 * read. So every other change of versions or owners must rebuild the listing in its own
 * transaction, with the package locked: a publish does not repair a stale listing.
 */
export async function beginListing(
  session: DbSession,
  kind: Database["kind"],
  claimed: PackageRow,
  { inspection, longManifestBytes: moreManifestBytes }: Published,
): Promise<(fresh: VersionRow, now: Date) => Promise<unknown>> {
  const { id: packageId } = claimed;
  const latest = parseVersion(claimed.latest ?? "");
  if (latest !== undefined && !isLater(inspection.manifest.version, latest)) {
    return (_, updatedAt) => touchPackage(session, { packageId, updatedAt, moreManifestBytes });
  }
  const [all, sources] = await pipelined([
    latest === undefined ? loadCandidates(session, packageId) : undefined,
    loadSources(session, packageId),
  ]);
  return (fresh, now) => {
    const chosen = { published: all ?? [fresh], fresh, moreManifestBytes };
    return writeDerived(session, kind, claimed, now, { ...sources, ...chosen });
  };
}
