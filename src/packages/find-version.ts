import { and, desc, eq, isNull, like, lt, type SQL, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { statement } from "../db/statement.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import type { PackageName } from "../domain/package-name.ts";
import { isPrerelease, parseVersion, RELEASE_PATTERN, type Version } from "../domain/version.ts";
import { failure } from "../errors.ts";
import { loadPackage, shortened } from "./find-package.ts";
import type { PackageRow, PublishedVersion, Quarantinable, VersionRow } from "./views.ts";

/** Parses the version of a stored row. Rows hold only what `parseVersion` accepted. */
export function versionOf(row: Pick<VersionRow, "version">): Version {
  const version = parseVersion(row.version);
  if (version === undefined) throw new Error("A stored version is not a version");
  return version;
}

/** Selects versions with the user names of their publishers. */
function publishedVersions({ query, tables: { packages, versions, users } }: Pick<DbSession, "query" | "tables">) {
  const { quarantinedAt, quarantineReason } = packages;
  return query
    .select({ row: versions, publishedBy: users.username, ofPackage: { quarantinedAt, quarantineReason } })
    .from(versions)
    .innerJoin(users, eq(users.id, versions.publishedBy))
    .innerJoin(packages, eq(packages.id, versions.packageId));
}

/** Which versions of a package to load, of all that are lower than `below`. */
export interface VersionRange {
  /** `Version.order`; left out for all versions. */
  readonly below?: string;
  readonly skipped?: number;
  readonly max: number;
}

/** Sorts after the order of every version, which is printable ASCII. */
const ABOVE_ALL = "\u007f";

const versionsBelow = statement<{ id: number; below: string; max: number; skipped: number }, PublishedVersion>(
  (session) => {
    const { packageId, versionOrder } = session.tables.versions;
    return publishedVersions(session)
      .where(and(eq(packageId, sql.placeholder("id")), lt(versionOrder, sql.placeholder("below"))))
      .orderBy(desc(versionOrder))
      .limit(sql.placeholder("max"))
      .offset(sql.placeholder("skipped"));
  },
);

const versionByKey = statement<{ id: number; key: string }, PublishedVersion>((session) => {
  const { packageId, versionKey } = session.tables.versions;
  const isAsked = and(eq(packageId, sql.placeholder("id")), eq(versionKey, sql.placeholder("key")));
  return publishedVersions(session).where(isAsked);
});

/**
 * Loads some versions of a package, the highest first (SemVer 2.0.0 §11). The database reads only
 * these, whatever number there are.
 */
export function loadVersions(
  session: DbSession,
  id: number,
  { below = ABOVE_ALL, skipped = 0, max }: VersionRange,
): Promise<PublishedVersion[]> {
  return versionsBelow(session, { id, below, skipped, max });
}

/**
 * What it takes to choose among versions of a package, without their manifests, which can be
 * megabytes.
 */
export type VersionOutline = Pick<
  VersionRow,
  "id" | "version" | "yankedAt" | "quarantinedAt" | "takenDownAt" | "publishedAt"
>;

/**
 * Reports whether a version may be `latest` and puts its package on lists: it is neither yanked, nor
 * in quarantine, nor taken down.
 */
export function isAvailable({ yankedAt, quarantinedAt, takenDownAt }: VersionOutline): boolean {
  return yankedAt === null && quarantinedAt === null && takenDownAt === null;
}

/** Builds the statement that finds the highest version of a package that meets conditions. */
function highestOutline(conditions: (versions: DbSession["tables"]["versions"]) => readonly SQL[]) {
  return statement<{ packageId: number }, VersionOutline>(({ query, tables: { versions } }) => {
    const { id, version, yankedAt, quarantinedAt, takenDownAt, publishedAt } = versions;
    return query
      .select({ id, version, yankedAt, quarantinedAt, takenDownAt, publishedAt })
      .from(versions)
      .where(and(eq(versions.packageId, sql.placeholder("packageId")), ...conditions(versions)))
      .orderBy(desc(versions.versionOrder))
      .limit(1);
  });
}

const whereAvailable = ({ yankedAt, quarantinedAt, takenDownAt }: DbSession["tables"]["versions"]) => [
  isNull(yankedAt),
  isNull(quarantinedAt),
  isNull(takenDownAt),
];

const highestOfAll = highestOutline(() => []);
const highestAvailable = highestOutline(whereAvailable);
const highestRelease = highestOutline((versions) => [
  ...whereAvailable(versions),
  like(versions.versionOrder, RELEASE_PATTERN),
]);

/**
 * Loads the versions among which a package chooses what it shows, the highest first: the highest
 * release that is available, the highest version that is available, and the highest of all. A
 * package may have thousands of others.
 */
export async function loadCandidates(session: DbSession, packageId: number): Promise<VersionOutline[]> {
  const asked = { packageId };
  const found = await pipelined([
    highestOfAll(session, asked),
    highestAvailable(session, asked),
    highestRelease(session, asked),
  ]);
  return [...new Map(found.flat().map((row) => [row.id, row])).values()];
}

/** Finds a version by its key, which leaves out build metadata. */
export async function findVersion(
  session: DbSession,
  packageId: number,
  key: string,
): Promise<PublishedVersion | undefined> {
  const [found] = await versionByKey(session, { id: packageId, key });
  return found;
}

/**
 * Finds one version by the text of an address: a version, with or without build metadata, or
 * `latest`. Throws `version_not_found`.
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

/**
 * `loadVersion` for a request that changes the version. It refuses `latest`: the change may move
 * `latest`, and a client that repeats the request after a lost response would change a second
 * version.
 */
export async function loadNumberedVersion(
  session: DbSession,
  owner: PackageRow,
  asked: string | null,
): Promise<PublishedVersion> {
  if (asked !== "latest") return loadVersion(session, owner, asked);
  const hint = "Name the version by its number.";
  throw failure({ code: "version_not_found", name: owner.name, version: asked, hint });
}

/**
 * `loadNamedVersion` for what shows a version. Throws `taken_down` for a version that an administrator
 * took down.
 */
export async function loadPresentVersion(
  session: DbSession,
  name: PackageName,
  asked: string | null,
): Promise<PublishedVersion> {
  const found = await loadVersion(session, await loadPackage(session, name), asked);
  requirePresent(`${name} ${found.row.version}`, found.row);
  return found;
}

/**
 * `loadNamedVersion` for contents that are given out. Throws `taken_down` for a version that was
 * taken down, and `quarantined` for a version or package in quarantine.
 */
export async function loadReleasedVersion(
  session: DbSession,
  name: PackageName,
  asked: string | null,
): Promise<PublishedVersion> {
  const owner = await loadPackage(session, name);
  requirePresent(name, owner);
  requireReleased(name, owner);
  const found = await loadVersion(session, owner, asked);
  requirePresent(`${name} ${found.row.version}`, found.row);
  requireReleased(`${name} ${found.row.version}`, found.row);
  return found;
}

/** Throws `taken_down` for a package or version that was taken down. `what` names it. */
export function requirePresent(
  what: string,
  { takenDownAt, takedownReason }: Pick<PackageRow, "takenDownAt" | "takedownReason">,
): void {
  if (takenDownAt !== null) throw failure({ code: "taken_down", what, reason: takedownReason ?? "policy" });
}

function requireReleased(what: string, row: Quarantinable): void {
  if (row.quarantinedAt === null) return;
  throw failure({ code: "quarantined", what, reason: row.quarantineReason ?? "" });
}

/** Parses the digest of a stored row. Rows hold only what `parseDigest` accepted. */
export function digestOf(row: Pick<VersionRow, "sha256">): Sha256Digest {
  const digest = parseDigest(row.sha256);
  if (digest === undefined) throw new Error("A stored digest is not a digest");
  return digest;
}

async function versionNotFound(session: DbSession, owner: PackageRow, asked: string | null) {
  const missing = { code: "version_not_found", name: owner.name, version: shortened(asked) } as const;
  if (asked !== "latest") return failure(missing);
  if (owner.takenDownAt !== null)
    return failure({ code: "taken_down", what: owner.name, reason: owner.takedownReason ?? "policy" });
  if (owner.quarantinedAt !== null) return failure({ ...missing, hint: "The package is in quarantine." });
  const published = await loadCandidates(session, owner.id);
  const candidate = published.find((row) => isAvailable(row) && isPrerelease(versionOf(row)));
  const hint =
    candidate === undefined
      ? "All its versions are yanked, in quarantine or taken down; ask for one by its number."
      : `It has no release yet; ask for the pre-release ${candidate.version} by its number.`;
  return failure({ ...missing, hint });
}
