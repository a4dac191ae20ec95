import { readFile } from "node:fs/promises";
import { and, eq } from "drizzle-orm";
import type { Actor } from "../accounts/actor.ts";
import { type Inspection, inspectArchive } from "../archive/inspect.ts";
import type { BlobStore } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { Failure } from "../errors.ts";
import { applyDueReset } from "../keys/package-trust.ts";
import type { LeafDetails } from "../log/leaf-details.ts";
import { addToTotals } from "../metrics/registry-totals.ts";
import { lockPackage } from "../packages/find-package.ts";
import { longManifestBytes } from "../packages/records.ts";
import { recordLogIndex } from "../packages/version-rows.ts";
import { insertRows } from "../publish/insert-versions.ts";
import { makePackage } from "../publish/make-package.ts";
import type { VerifiedPublication } from "../publish/verify-publication.ts";
import { keyIdOf, type VerifiedSignature, verifyArchiveSignature } from "../signing/verify-archive.ts";
import type { VersionEntry } from "../tlog/leaf.ts";
import { type Placeholder, publisherOf, registerRecoveredKey } from "./recovered-account.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";
import { type Takedowns, tombstoneOf } from "./takedowns.ts";

/** A version leaf whose archive was read and verified. */
export interface ReadVersion {
  readonly entry: VersionEntry;
  readonly digest: Sha256Digest;
  readonly inspection: Inspection;
  readonly verified: VerifiedSignature;
}

/** What the replay of a version did besides bringing it back. */
export interface VersionReplayed {
  readonly placeholder: Placeholder | undefined;
  /** Set if the publisher of an existing package is not among its owners in this database. */
  readonly formerOwner: string | undefined;
}

/**
 * Reads the archive of a version leaf, and verifies that it is the one that the leaf names, with
 * the signature of the leaf. A version that was taken down has none. Throws `RecoveryRefusal`.
 */
export async function readVersion(
  blobs: Pick<BlobStore, "withFile">,
  entry: VersionEntry,
  takedowns: Takedowns,
): Promise<ReadVersion> {
  const removed = takedowns.has(entry) ? removedVersion(entry) : undefined;
  return removed ?? readArchive(blobs, entry);
}

function removedVersion(entry: VersionEntry): ReadVersion | undefined {
  const { publicKey, scheme, signature } = entry;
  const [digest, inspection] = [parseDigest(entry.sha256), tombstoneOf(entry)];
  if (digest === undefined || inspection === undefined) return undefined;
  return { entry, digest, inspection, verified: { scheme, publicKey, signature, keyId: keyIdOf(publicKey) } };
}

async function readArchive(blobs: Pick<BlobStore, "withFile">, entry: VersionEntry): Promise<ReadVersion> {
  const { name, version, size, publicKey, signature, scheme } = entry;
  const digest = parseDigest(entry.sha256);
  const read =
    digest &&
    (await blobs
      .withFile(digest, async (file) => {
        if (file.digest !== digest || file.size !== size) return undefined;
        const signed = { name, version, digest, size };
        const verified = await verifyArchiveSignature({ publicKey, signature, scheme }, signed, () =>
          readFile(file.path),
        );
        const inspection = await inspectArchive(Bun.file(file.path).stream(), WIDEST_ARCHIVE_LIMITS);
        return { entry, digest, inspection, verified };
      })
      .catch((cause: unknown) => {
        if (cause instanceof Failure && ["archive_rejected", "signature_invalid"].includes(cause.error.code))
          return undefined;
        throw cause;
      }));
  const manifest = read?.inspection.manifest;
  if (read !== undefined && manifest?.name === name && manifest.version.text === version) return read;
  const which = `${name} ${version} (sha256 ${entry.sha256})`;
  throw new RecoveryRefusal(
    "archive_damaged",
    `the stored archive of ${which} is missing or is not what the log has. Put the right one back from a copy of the storage, and run the command again.`,
    [which],
  );
}

/**
 * Records a version as its publish did: package, owner and pinned key if it is the first one,
 * version, contents, listing and event. The log has its leaf already.
 */
export async function replayVersion(
  session: DbSession,
  kind: Database["kind"],
  { entry, digest, inspection, verified }: ReadVersion,
  index: number,
  details: LeafDetails,
  { at, now, passwordHash }: { readonly at: Date; readonly now: Date; readonly passwordHash: string },
): Promise<VersionReplayed> {
  const { publicKey } = verified;
  const { user, placeholder } = await publisherOf(session, details, { publicKey, passwordHash, now });
  const origin = { userId: user.id, username: user.username, address: null, tokenId: null };
  const publisher: Actor = { user, origin, sessionId: undefined, token: undefined };
  const publication: VerifiedPublication = {
    ...{ publisher, inspection, verified, longManifestBytes: longManifestBytes(inspection) },
    received: { digest, size: entry.size, path: "" },
    ...{ signature: verified.signature, publicKey, scheme: verified.scheme },
    ...{ statedName: undefined, statedVersion: undefined, metadata: undefined },
    ...{ dryRun: false, allowSecrets: true },
  };
  const existing = await lockPackage(session, inspection.manifest.name);
  if (existing !== undefined) await applyDueReset(session, existing, at);
  const claimed = existing ?? (await makePackage(session, publication, at));
  if (claimed === undefined) throw new Error("A package that conflicts with an insert was not found");
  await registerRecoveredKey(session, user, publicKey, at);
  const pending = { publication, now: at, requireBlob: async () => undefined };
  const accepted = { ...pending, claimed, limits: [], isFirst: existing === undefined };
  const [inserted] = await insertRows(session, kind, [accepted]);
  if (inserted === undefined) throw new Error("A version was not recovered");
  await recordLogIndex(session, { id: inserted.row.id, logIndex: index });
  await addToTotals(session, { packages: existing === undefined ? 1 : 0, versions: 1, storageBytes: entry.size });
  const isOwner = await isOwnerOf(session, claimed.id, user.id);
  return { placeholder, formerOwner: isOwner ? undefined : `${user.username} of ${claimed.name}` };
}

async function isOwnerOf({ query, tables: { packageOwners } }: DbSession, packageId: number, userId: string) {
  const owner = and(eq(packageOwners.packageId, packageId), eq(packageOwners.userId, userId));
  return (await query.$count(packageOwners, owner)) > 0;
}
