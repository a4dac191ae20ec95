import { eq } from "drizzle-orm";
import { foldIdentity } from "../accounts/user.ts";
import type { Database, DbSession } from "../db/database.ts";
import { isPrerelease } from "../registry/version.ts";
import { foldTag } from "../search/search-packages.ts";
import { textIndexOf } from "../search/text-index.ts";
import { ownersOf } from "./find-package.ts";
import { loadOutlines, type VersionOutline, versionOf } from "./find-version.ts";
import { type ManifestRecord, manifestFrom } from "./records.ts";
import type { PackageRow } from "./views.ts";

/**
 * What a package is shown and found by comes from one version: the highest release that is not yanked, else the
 * highest pre-release that is not yanked, else the highest version.
 */
function chooseVersions(published: readonly VersionOutline[]) {
  const available = published.filter(({ yankedAt }) => yankedAt === null);
  const latest = available.find((row) => !isPrerelease(versionOf(row)));
  return { latest, shown: latest ?? available[0] ?? published[0], listed: available.length > 0 };
}

async function loadManifest({ query, tables }: DbSession, { id }: VersionOutline): Promise<ManifestRecord> {
  const { versions } = tables;
  const [row] = await query.select({ manifest: versions.manifest }).from(versions).where(eq(versions.id, id));
  if (row === undefined) throw new Error("A version that was listed was not found");
  return manifestFrom(row.manifest);
}

function authorsOf(manifest: ManifestRecord, owners: readonly string[]): string[] {
  const names = [...owners, ...manifest.maintainers.flatMap(({ name }) => name ?? [])];
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
 * Derives everything a package row, its filters and the search know of its versions. Runs in the transaction that
 * changed a version, with the package row locked by it, so that no two changes derive from half of each other.
 */
export async function refreshSummary(
  session: DbSession,
  kind: Database["kind"],
  changed: PackageRow,
  now: Date,
): Promise<void> {
  const { latest, shown, listed } = chooseVersions(await loadOutlines(session, changed.id));
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
      updatedAt: now,
    })
    .where(eq(packages.id, changed.id));
  await replaceFacets(session, changed.id, tags, authors);
  const { name } = changed;
  await textIndexOf({ kind }).put(session, {
    packageId: changed.id,
    name,
    tags,
    authors,
    description: manifest.description,
  });
}
