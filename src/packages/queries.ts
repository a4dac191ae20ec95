import { and, asc, eq, inArray } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { failure } from "../errors.ts";
import { parseDigest, type Sha256Digest } from "../registry/digest.ts";
import { foldName, type PackageName, parsePackageName } from "../registry/package-name.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../registry/version.ts";
import type { PackageRow, PublishedVersion, VersionRow } from "./views.ts";

/** As much of an address as a message repeats of it: hostile text stays short. */
function shortened(text: string | null | undefined): string {
  return (text ?? "").slice(0, 64);
}

/** Reads the name in an address. What cannot be a name is a package that is not there: `package_not_found`. */
export function packageNameParam(text: string | null | undefined): PackageName {
  const name = parsePackageName(text ?? "");
  if (name === undefined) throw failure({ code: "package_not_found", name: shortened(text) });
  return name;
}

/** Finds a package; throws `package_not_found`. */
export async function loadPackage({ query, tables }: DbSession, name: PackageName): Promise<PackageRow> {
  const { packages } = tables;
  const [row] = await query.select().from(packages).where(eq(packages.name, name));
  if (row === undefined) throw failure({ code: "package_not_found", name });
  return row;
}

/**
 * Finds a package by its folded name and locks its row until the transaction ends, changing nothing in it: changes of
 * one package then derive its summary in turn.
 */
export async function lockPackage({ query, tables }: DbSession, name: PackageName): Promise<PackageRow | undefined> {
  const { packages } = tables;
  const nameFolded = foldName(name);
  const [row] = await query.update(packages).set({ nameFolded }).where(eq(packages.nameFolded, nameFolded)).returning();
  return row;
}

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

/** User names of the owners of packages, in the order they became owners. */
export async function loadOwners(
  { query, tables }: DbSession,
  packageIds: readonly number[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  const owners = new Map<number, string[]>(packageIds.map((id) => [id, []]));
  if (packageIds.length === 0) return owners;
  const { packageOwners, users } = tables;
  const rows = await query
    .select({ packageId: packageOwners.packageId, username: users.username })
    .from(packageOwners)
    .innerJoin(users, eq(users.id, packageOwners.userId))
    .where(inArray(packageOwners.packageId, [...packageIds]))
    .orderBy(asc(packageOwners.createdAt), asc(users.username));
  for (const { packageId, username } of rows) owners.get(packageId)?.push(username);
  return owners;
}

/** User names of the owners of one package. */
export async function ownersOf(session: DbSession, packageId: number): Promise<readonly string[]> {
  return (await loadOwners(session, [packageId])).get(packageId) ?? [];
}

/** Throws `not_an_owner` unless the account owns the package. */
export async function requireOwner({ query, tables }: DbSession, owned: PackageRow, userId: string): Promise<void> {
  const { packageOwners } = tables;
  const [owner] = await query
    .select({ userId: packageOwners.userId })
    .from(packageOwners)
    .where(and(eq(packageOwners.packageId, owned.id), eq(packageOwners.userId, userId)));
  if (owner === undefined) throw failure({ code: "not_an_owner", name: owned.name });
}
