import { requireScopeFor } from "../accounts/actor.ts";
import { lockAccount } from "../accounts/lock-account.ts";
import { requireStillValid } from "../accounts/revalidate.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import { LONG_MANIFEST_BYTES, LONG_MANIFESTS_MAX_BYTES } from "../domain/limits.ts";
import { foldName } from "../domain/package-name.ts";
import { skeletonOf } from "../domain/similar-names.ts";
import { failure, type RateLimit } from "../errors.ts";
import { accountTrust, trustAccountKey } from "../keys/account-trust.ts";
import {
  applyDueReset,
  loadPackageKeys,
  type PackageKeys,
  pinFirstKey,
  requirePinnedKey,
} from "../keys/package-trust.ts";
import { findPackage, lockPackage, requireOwner } from "../packages/find-package.ts";
import { findVersion } from "../packages/find-version.ts";
import type { PackageRow, PublishedVersion, VersionRow } from "../packages/views.ts";
import { isPlainUpdate } from "./fast-path.ts";
import { type Accepted, insertVersions, type PendingPublication } from "./insert-versions.ts";
import { requireDistinctName } from "./name-similarity.ts";
import { requirePublishQuota } from "./publish-limits.ts";
import type { VerifiedPublication } from "./verify-publication.ts";

type RecordDeps = Pick<Deps, "db" | "config" | "log">;

/** Throws unless the publisher owns the package of this folded name, and it takes new versions. */
async function requireClaim(session: DbSession, existing: PackageRow, { inspection, publisher }: VerifiedPublication) {
  const { name } = inspection.manifest;
  if (existing.name !== name) {
    // As for a name that is free: a token that may not make this package hears nothing of the other.
    requireScopeFor(publisher, name, "publish-new");
    throw failure({ code: "name_taken", name, existing: existing.name });
  }
  requireScopeFor(publisher, name, "publish-update");
  await requireOwner(session, existing, publisher.user.id);
}

/** Throws `version_exists` unless the version was published with the same bytes and the same key. */
function requireSame(existing: VersionRow, { inspection, received, verified }: VerifiedPublication): void {
  const { name } = inspection.manifest;
  const sameBytes = existing.sha256 === received.digest;
  if (sameBytes && existing.publicKey === verified.publicKey) return;
  const reason = sameBytes
    ? "was published with the same contents and another key."
    : `was published with other contents (sha256 ${existing.sha256}).`;
  throw failure({ code: "version_exists", name, version: existing.version, reason });
}

/** Finds the version of a package that a publication repeats. Throws `version_exists` when it has other bytes. */
async function findSame(
  session: DbSession,
  existing: PackageRow,
  publication: VerifiedPublication,
): Promise<PublishedVersion | undefined> {
  const published = await findVersion(session, existing.id, publication.inspection.manifest.version.key);
  if (published !== undefined) requireSame(published.row, publication);
  return published;
}

/** Throws unless the package takes a new version that is signed with this key. */
function requireOpen(existing: PackageRow, trusted: PackageKeys, publication: VerifiedPublication): void {
  const { verified, longManifestBytes } = publication;
  const { name, status, quarantinedAt, quarantineReason } = existing;
  if (quarantinedAt !== null) throw failure({ code: "quarantined", what: name, reason: quarantineReason ?? "" });
  if (status === "archived") throw failure({ code: "package_archived", name });
  const isFull = existing.longManifestBytes + longManifestBytes > LONG_MANIFESTS_MAX_BYTES;
  if (longManifestBytes > 0 && isFull) throw failure({ code: "package_full", name, freeBytes: LONG_MANIFEST_BYTES });
  requirePinnedKey(trusted, name, verified.publicKey);
}

/** Throws unless the publisher may give a new package this name. */
async function requireFreeName(session: DbSession, { config }: RecordDeps, publication: VerifiedPublication) {
  const { inspection, publisher } = publication;
  const { name } = inspection.manifest;
  requireScopeFor(publisher, name, "publish-new");
  await requireDistinctName(session, name, publisher.user.id, config.similarNamesMinDownloads);
}

async function quotaOf(
  session: DbSession,
  { config: { publishLimits } }: RecordDeps,
  publication: VerifiedPublication,
  isNew: boolean,
  now: Date,
): Promise<readonly RateLimit[]> {
  if (publishLimits === undefined) return [];
  return requirePublishQuota(session, publishLimits, publication.publisher.user.id, isNew, now);
}

/** What a look beforehand found: the version when it was published before, and what may still be published. */
export interface Prechecked {
  readonly published: PublishedVersion | undefined;
  /** A new version of an open package by one of its owners, with a key that both have. */
  readonly isPlain: boolean;
  readonly limits: readonly RateLimit[];
}

/** Answers early what the transaction would answer too, before anything is stored. */
export function precheck(deps: RecordDeps, publication: VerifiedPublication, now: Date): Promise<Prechecked> {
  const { inspection, publisher, verified } = publication;
  return deps.db.read(async (session) => {
    const batched = session.batched();
    const [, isPlain] = await pipelined([
      requireStillValid(batched, publisher, now),
      isPlainUpdate(batched, publication),
    ]);
    if (isPlain) {
      requireScopeFor(publisher, inspection.manifest.name, "publish-update");
      return { published: undefined, isPlain, limits: await quotaOf(session, deps, publication, false, now) };
    }
    const existing = await findPackage(session, foldName(inspection.manifest.name));
    if (existing === undefined) {
      await requireFreeName(session, deps, publication);
    } else {
      await requireClaim(session, existing, publication);
      const published = await findSame(session, existing, publication);
      if (published !== undefined) return { published, isPlain, limits: [] };
      requireOpen(existing, await loadPackageKeys(session, existing.id, now), publication);
    }
    await accountTrust(session, publisher.user.id, verified.publicKey);
    const limits = await quotaOf(session, deps, publication, existing === undefined, now);
    return { published: undefined, isPlain, limits };
  });
}

/** Makes the package, its first owner and its first key; undefined when somebody else just made it. */
async function makePackage(
  session: DbSession,
  { inspection, publisher, verified }: VerifiedPublication,
  now: Date,
): Promise<PackageRow | undefined> {
  const { packages, packageOwners } = session.tables;
  const { name, description = "", tags } = inspection.manifest;
  const [made] = await session.query
    .insert(packages)
    .values({
      name,
      nameFolded: foldName(name),
      nameSkeleton: skeletonOf(name),
      description,
      tags: [...tags],
      listed: true,
      downloads: 0,
      createdAt: now,
      createdBy: publisher.user.id,
      updatedAt: now,
    })
    .onConflictDoNothing()
    .returning();
  if (made === undefined) return undefined;
  session.invalidate(name);
  await pipelined([
    session.query.insert(packageOwners).values({ packageId: made.id, userId: publisher.user.id, createdAt: now }),
    recordEvent(session, publisher.origin, "package.created", now, { packageName: name }),
    pinFirstKey(session, made, verified.publicKey, publisher.origin, now),
  ]);
  return made;
}

async function insertVersion(session: DbSession, deps: RecordDeps, accepted: Accepted, beside: Promise<unknown>) {
  const [recorded] = await insertVersions(session, deps, [accepted], beside);
  if (recorded === undefined) throw new Error("A version was not recorded");
  return recorded;
}

/** Publishes the first version of a new name; undefined when somebody else just made the package. */
async function recordNew(session: DbSession, deps: RecordDeps, pending: PendingPublication) {
  const { publication, now } = pending;
  const { publisher, verified } = publication;
  await requireFreeName(session, deps, publication);
  const limits = await quotaOf(session, deps, publication, true, now);
  const made = await makePackage(session, publication, now);
  if (made === undefined) return undefined;
  const trusting = trustAccountKey(session, publisher, verified.publicKey, now);
  return { limits, ...(await insertVersion(session, deps, { ...pending, claimed: made }, trusting)) };
}

/** Throws unless the locked package takes the version; returns it when it was published before. */
async function requireClaimed(
  session: DbSession,
  existing: PackageRow,
  publication: VerifiedPublication,
  now: Date,
): Promise<PublishedVersion | undefined> {
  const [, same] = await pipelined([
    requireClaim(session, existing, publication),
    findSame(session, existing, publication),
  ]);
  if (same !== undefined) return same;
  requireOpen(existing, await applyDueReset(session, existing, now), publication);
  await trustAccountKey(session, publication.publisher, publication.verified.publicKey, now);
  return undefined;
}

/**
 * The one transaction of a publish: everything that the precheck asked is asked again, with account and package locked.
 * Returns the version that was published before, by whoever was faster with the same bytes, as `unchanged`.
 */
export async function recordPublication(session: DbSession, deps: RecordDeps, pending: PendingPublication) {
  const { publication, now } = pending;
  const { inspection, publisher } = publication;
  const { name } = inspection.manifest;
  const [, locked, , isPlain] = await pipelined([
    // What is counted of an account, and first in it, is so in turn. Before the package, as everybody does: else one could
    // hold the account and wait for the package, and another hold the package and wait for the account.
    lockAccount(session, publisher.user.id),
    lockPackage(session, name),
    // Once the locks are there: waiting for them is time in which a token may end, and everything else change.
    requireStillValid(session, publisher, now),
    isPlainUpdate(session, publication),
  ]);
  if (locked === undefined) {
    const made = await recordNew(session, deps, pending);
    if (made !== undefined) return { outcome: "created" as const, ...made };
  }
  const existing = locked ?? (await lockPackage(session, name));
  if (existing === undefined) throw new Error("A package that conflicts with an insert was not found");
  if (isPlain) requireScopeFor(publisher, name, "publish-update");
  const same = isPlain ? undefined : await requireClaimed(session, existing, publication, now);
  if (same !== undefined) return { outcome: "unchanged" as const, limits: [], version: same };
  const limits = quotaOf(session, deps, publication, false, now);
  const recorded = await insertVersion(session, deps, { ...pending, claimed: existing }, limits);
  return { outcome: "created" as const, limits: await limits, ...recorded };
}
