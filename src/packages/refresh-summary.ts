import { eq } from "drizzle-orm";
import { foldIdentity } from "../accounts/user.ts";
import type { Database, DbSession } from "../db/database.ts";
import { isPrerelease } from "../registry/version.ts";
import { foldTag } from "../search/search-packages.ts";
import { indexPackage, unindexPackage } from "../search/searchable.ts";
import { ownersOf } from "./find-package.ts";
import { isAvailable, loadOutlines, type VersionOutline, versionOf } from "./find-version.ts";
import { type ManifestRecord, manifestFrom } from "./records.ts";
import type { PackageRow } from "./views.ts";

/**
 * What a package is shown and found by comes from one version: the highest release that is available, else the highest
 * pre-release that is available, else the highest version. A package in quarantine has no latest and is not listed.
 */
function chooseVersions(published: readonly VersionOutline[], { quarantinedAt }: PackageRow) {
  const available = published.filter(isAvailable);
  const release = available.find((row) => !isPrerelease(versionOf(row)));
  const shown = release ?? available[0] ?? published[0];
  if (quarantinedAt !== null) return { latest: undefined, shown, listed: false };
  return { latest: release, shown, listed: available.length > 0 };
}

async function loadManifest({ query, tables }: DbSession, { id }: VersionOutline): Promise<ManifestRecord> {
  const { versions } = tables;
  const [row] = await query.select({ manifest: versions.manifest }).from(versions).where(eq(versions.id, id));
  if (row === undefined) throw new Error("A version that was listed was not found");
  return manifestFrom(row.manifest);
}

/** Who a package is found under: its owners and whom its manifest names, each once, case folded. */
export function authorsOf(
  { maintainers }: { readonly maintainers: readonly { readonly name?: string | undefined }[] },
  owners: readonly string[],
): string[] {
  const names = [...owners, ...maintainers.flatMap(({ name }) => name ?? [])];
  return [...new Set(names.map((name) => foldIdentity(name.trim())).filter((name) => name !== ""))];
}

async function replaceFacets({ query, tables }: DbSession, packageId: number, tags: string[], authors: string[]) {
  const { packageTags, packageAuthors } = tables;
  await query.delete(packageTags).where(eq(packageTags.packageId, packageId));
  if (tags.length > 0) await query.insert(packageTags).values(tags.map((tag) => ({ packageId, tag })));
  await query.delete(packageAuthors).where(eq(packageAuthors.packageId, packageId));
  if (authors.length > 0) await query.insert(packageAuthors).values(authors.map((author) => ({ packageId, author })));
}

/**
 * Derives everything a package row, its filters and the search know of its versions and owners. Runs in the transaction that
 * changed them, with the package row as that left it and locked, so that no two changes derive from half of each other.
 * `updatedAt` lifts the package in lists by the last change; give the one it has where that is not meant.
 */
export async function refreshSummary(
  session: DbSession,
  kind: Database["kind"],
  changed: PackageRow,
  updatedAt: Date,
): Promise<void> {
  const { latest, shown, listed } = chooseVersions(await loadOutlines(session, changed.id), changed);
  if (shown === undefined) return;
  const manifest = await loadManifest(session, shown);
  const owners = await ownersOf(session, changed.id);
  const tags = [...new Set(manifest.tags.map(foldTag))];
  const authors = authorsOf(manifest, owners);
  const { packages } = session.tables;
  await session.query
    .update(packages)
    .set({
      description: manifest.description,
      tags: [...manifest.tags],
      latest: latest?.version ?? null,
      latestPublishedAt: latest?.publishedAt ?? null,
      listed,
      updatedAt,
    })
    .where(eq(packages.id, changed.id));
  await replaceFacets(session, changed.id, tags, authors);
  if (!listed) return unindexPackage(session, kind, changed.id);
  const { id: packageId, name, downloads } = changed;
  await indexPackage(session, kind, { packageId, name, tags, authors, description: manifest.description, downloads });
}
