import { and, eq } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { failure } from "../errors.ts";
import { parseDigest, type Sha256Digest } from "../registry/digest.ts";
import type { PackageName } from "../registry/package-name.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../registry/version.ts";
import { loadPackage, shortened } from "./find-package.ts";
import type { PackageRow, PublishedVersion, VersionRow } from "./views.ts";

/** The version of a stored row. Rows hold what `parseVersion` accepted. */
export function versionOf(row: Pick<VersionRow, "version">): Version {
  const version = parseVersion(row.version);
  if (version === undefined) throw new Error("A stored version is not a version");
  return version;
}

function highestFirst<T>(items: readonly T[], rowOf: (item: T) => Pick<VersionRow, "version">): T[] {
  return items
    .map((item) => ({ item, order: versionOf(rowOf(item)) }))
    .sort((a, b) => compareVersions(b.order, a.order))
    .map(({ item }) => item);
}

/** Versions with the user names of their publishers. */
function publishedVersions({ query, tables: { versions, users } }: DbSession) {
  return query
    .select({ row: versions, publishedBy: users.username })
    .from(versions)
    .innerJoin(users, eq(users.id, versions.publishedBy));
}

/** All versions of a package, the highest first (SemVer 2.0.0 §11). */
export async function loadVersions(session: DbSession, packageId: number): Promise<PublishedVersion[]> {
  const rows = await publishedVersions(session).where(eq(session.tables.versions.packageId, packageId));
  return highestFirst(rows, ({ row }) => row);
}

/** As much of a version as it takes to choose among all of them: manifests of many versions are megabytes. */
export type VersionOutline = Pick<VersionRow, "id" | "version" | "yankedAt" | "publishedAt">;

/** All versions of a package in outline, the highest first (SemVer 2.0.0 §11). */
export async function loadOutlines({ query, tables }: DbSession, packageId: number): Promise<VersionOutline[]> {
  const { versions } = tables;
  const { id, version, yankedAt, publishedAt } = versions;
  const rows = await query
    .select({ id, version, yankedAt, publishedAt })
    .from(versions)
    .where(eq(versions.packageId, packageId));
  return highestFirst(rows, (row) => row);
}

/** Finds a version by its key, which leaves out build metadata. */
export async function findVersion(
  session: DbSession,
  packageId: number,
  key: string,
): Promise<PublishedVersion | undefined> {
  const { versions } = session.tables;
  const isAsked = and(eq(versions.packageId, packageId), eq(versions.versionKey, key));
  const [found] = await publishedVersions(session).where(isAsked);
  return found;
}

/**
 * Finds one version by the text of an address: a version, with or without build metadata, or `latest`.
 * Throws `version_not_found`.
 */
export async function loadVersion(
  session: DbSession,
  owner: PackageRow,
  asked: string | null,
): Promise<PublishedVersion> {
  const version = parseVersion((asked === "latest" ? owner.latest : asked) ?? "");
  const found = version && (await findVersion(session, owner.id, version.key));
  if (found === undefined) throw await versionNotFound(session, owner, asked);
  return found;
}

/** `loadVersion` of a package by its name; throws `package_not_found` too. */
export async function loadNamedVersion(
  session: DbSession,
  name: PackageName,
  asked: string | null,
): Promise<PublishedVersion> {
  return loadVersion(session, await loadPackage(session, name), asked);
}

/** The digest of a stored row. Rows hold what `parseDigest` accepted. */
export function digestOf(row: Pick<VersionRow, "sha256">): Sha256Digest {
  const digest = parseDigest(row.sha256);
  if (digest === undefined) throw new Error("A stored digest is not a digest");
  return digest;
}

async function versionNotFound(session: DbSession, owner: PackageRow, asked: string | null) {
  const missing = { code: "version_not_found", name: owner.name, version: shortened(asked) } as const;
  if (asked !== "latest") return failure(missing);
  const published = await loadOutlines(session, owner.id);
  const candidate = published.find((row) => row.yankedAt === null && isPrerelease(versionOf(row)));
  const hint =
    candidate === undefined
      ? "All its versions are yanked; ask for one by its number."
      : `It has no release yet; ask for the pre-release ${candidate.version} by its number.`;
  return failure({ ...missing, hint });
}
