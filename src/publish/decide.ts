import { hasScopeFor, requireScopeFor } from "../accounts/actor.ts";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import { LONG_MANIFEST_BYTES, LONG_MANIFESTS_MAX_BYTES } from "../domain/limits.ts";
import { foldName } from "../domain/package-name.ts";
import { failure, type RateLimit } from "../errors.ts";
import { accountTrust } from "../keys/account-trust.ts";
import { loadPackageKeys, type PackageKeys, requirePinnedKey } from "../keys/package-trust.ts";
import { findPackage, requireOwner } from "../packages/find-package.ts";
import { findVersion, requirePresent } from "../packages/find-version.ts";
import type { PackageRow, PublishedVersion, VersionRow } from "../packages/views.ts";
import { askFacts, type Candidate, type Facts } from "./facts.ts";
import { popularity, requireDistinctName } from "./name-similarity.ts";
import { quotaAfter, requireQuota } from "./publish-limits.ts";
import type { VerifiedPublication } from "./verify-publication.ts";

/*
 * The rules of "may this be published?". The precheck, a batch of one and a batch of many all ask
 * here.
 */

/** The decision about a candidate that is not refused. */
export type Decision =
  /** The same bytes were published before with the same key. */
  | { readonly outcome: "unchanged"; readonly version: PublishedVersion }
  | {
      readonly outcome: "accepted";
      /** Only its version is new, so it may be recorded in a batch of many. */
      readonly isOnFastPath: boolean;
      /** The account never had a key: this one becomes its first. */
      readonly isFirstKey: boolean;
      /** What the publisher may still publish afterwards. */
      readonly limits: readonly RateLimit[];
    };

/**
 * Returns the limits that remain where the facts alone prove that a candidate is accepted. `ahead`
 * is how many versions of its account the same batch accepts before it. Undefined refuses nothing:
 * `decide` then asks the rules one by one.
 */
export function limitsOnFastPath(
  { publication: { inspection, publisher } }: Candidate,
  { fault, isOnFastPath, quota }: Facts,
  ahead = 0,
): readonly RateLimit[] | undefined {
  if (fault !== undefined || !isOnFastPath) return undefined;
  if (!hasScopeFor(publisher, inspection.manifest.name, "publish-update")) return undefined;
  if (quota === undefined) return [];
  return quota.versions.remaining > ahead ? quotaAfter(quota, { versions: ahead + 1, newNames: 0 }) : undefined;
}

/**
 * Throws unless the publisher owns the package of this folded name, and the package has exactly
 * this name.
 */
async function requireClaim(session: DbSession, existing: PackageRow, { inspection, publisher }: VerifiedPublication) {
  const { name } = inspection.manifest;
  if (existing.name !== name) {
    // The same scope as for a name that is free: a token that may not make this package learns
    // nothing of the other one.
    requireScopeFor(publisher, name, "publish-new");
    throw failure({ code: "name_taken", name, existing: existing.name });
  }
  requireScopeFor(publisher, name, "publish-update");
  await requireOwner(session, existing, publisher.user.id);
}

/**
 * Throws `version_exists` unless the version was published with the same bytes and the same key.
 */
function requireSame(existing: VersionRow, { inspection, received, verified }: VerifiedPublication): void {
  const { name } = inspection.manifest;
  const sameBytes = existing.sha256 === received.digest;
  if (sameBytes && existing.publicKey === verified.publicKey) return;
  const reason = sameBytes
    ? "was published with the same contents and another key."
    : `was published with other contents (sha256 ${existing.sha256}).`;
  throw failure({ code: "version_exists", name, version: existing.version, reason });
}

/**
 * Finds the version that a publication repeats. Throws `version_exists` when it has other bytes or
 * another key, and `taken_down` when nobody may publish it again.
 */
async function findSame(
  session: DbSession,
  existing: PackageRow,
  publication: VerifiedPublication,
): Promise<PublishedVersion | undefined> {
  const published = await findVersion(session, existing.id, publication.inspection.manifest.version.key);
  const { name } = existing;
  if (published === undefined) return undefined;
  requirePresent(`${name} ${published.row.version}`, published.row);
  requireSame(published.row, publication);
  return published;
}

/** Throws unless the package takes a new version that is signed with this key. */
function requireOpen(existing: PackageRow, trusted: PackageKeys, publication: VerifiedPublication): void {
  const { verified, longManifestBytes } = publication;
  const { name, status, quarantinedAt, quarantineReason } = existing;
  requirePresent(name, existing);
  if (quarantinedAt !== null) throw failure({ code: "quarantined", what: name, reason: quarantineReason ?? "" });
  if (status === "archived") throw failure({ code: "package_archived", name });
  const isFull = existing.longManifestBytes + longManifestBytes > LONG_MANIFESTS_MAX_BYTES;
  if (longManifestBytes > 0 && isFull) throw failure({ code: "package_full", name, freeBytes: LONG_MANIFEST_BYTES });
  requirePinnedKey(trusted, name, verified.publicKey);
}

/** Throws unless the publisher may give a new package this name. */
async function requireFreeName(
  session: DbSession,
  { config }: Pick<Deps, "config">,
  { inspection, publisher }: VerifiedPublication,
  now: Date,
): Promise<void> {
  const { name } = inspection.manifest;
  requireScopeFor(publisher, name, "publish-new");
  await requireDistinctName(session, name, publisher.user.id, popularity(config, now));
}

/** The reads by which the rules get what the facts do not contain. */
export interface Reads {
  /** Finds the package of the candidate's folded name. */
  findExisting(): Promise<PackageRow | undefined>;
  /**
   * Loads the keys of a package. With the package's lock held, it may write a reset that is due.
   */
  loadKeys(session: DbSession, existing: PackageRow, now: Date): Promise<PackageKeys>;
}

/** Reads for a decision without a lock. */
export function unlockedReads(session: DbSession, { publication }: Candidate): Reads {
  return {
    findExisting: () => findPackage(session, foldName(publication.inspection.manifest.name)),
    loadKeys: (_, { id }, now) => loadPackageKeys(session, id, now),
  };
}

/** Decides about one candidate. Throws the reason where it is refused. */
export async function decide(
  session: DbSession,
  deps: Pick<Deps, "config">,
  candidate: Candidate,
  facts: Facts,
  reads: Reads,
): Promise<Decision> {
  const { publication, now } = candidate;
  const { fault, quota } = facts;
  if (fault !== undefined) throw fault;
  const provedLimits = limitsOnFastPath(candidate, facts);
  if (provedLimits !== undefined) {
    return { outcome: "accepted", isOnFastPath: true, isFirstKey: false, limits: provedLimits };
  }
  const existing = await reads.findExisting();
  if (existing === undefined) await requireFreeName(session, deps, publication, now);
  else {
    const [, version] = await pipelined([
      requireClaim(session, existing, publication),
      findSame(session, existing, publication),
    ]);
    if (version !== undefined) return { outcome: "unchanged", version };
    requireOpen(existing, await reads.loadKeys(session, existing, now), publication);
  }
  const trust = await accountTrust(session, publication.publisher.user.id, publication.verified.publicKey);
  const limits = quota === undefined ? [] : requireQuota(quota, existing === undefined);
  return { outcome: "accepted", isOnFastPath: false, isFirstKey: trust === "first_use", limits };
}

/**
 * Decides about a candidate without a lock, before its blob is stored. The transaction decides
 * again.
 */
export function precheck(deps: Pick<Deps, "db" | "config">, candidate: Candidate): Promise<Decision> {
  return deps.db.read(async (session) => {
    const [facts] = await askFacts(session.batched(), deps, [candidate], "read");
    if (facts === undefined) throw new Error("Nothing was asked about a candidate");
    return decide(session, deps, candidate, facts, unlockedReads(session, candidate));
  });
}
