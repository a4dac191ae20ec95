import type { EventKind, EventSubject } from "../../src/audit/record-event.ts";
import { foldIdentity } from "../../src/domain/identity.ts";
import { foldName } from "../../src/domain/package-name.ts";
import { skeletonOf, usernameSkeletonOf } from "../../src/domain/similar-names.ts";
import { authorsOf, dependenciesOf } from "../../src/packages/rebuild-listing.ts";
import { contentsRow } from "../../src/packages/records.ts";
import { versionRow } from "../../src/packages/version-rows.ts";
import { foldTag } from "../../src/search/search-packages.ts";
import { publishStatement } from "../../src/signing/statement.ts";
import { keyIdOf } from "../../src/signing/verify-archive.ts";
import type { VersionEntry } from "../../src/tlog/leaf.ts";
import { signMessage } from "../../test/support/client.ts";
import type { FilledArchive } from "./archives.ts";
import type { BulkLoader } from "./bulk.ts";
import type { Account, Drafts, PackageText } from "./drafts.ts";

/** The address that all publishes come from; it is reserved for documentation (RFC 5737). */
const ADDRESS = "192.0.2.7";
const DEPRECATED_MESSAGE = "No longer maintained";
export const DAY_MS = 24 * 3_600_000;

type Load = Pick<BulkLoader, "add" | "addTerms">;

function addEvent(load: Load, by: Account, kind: EventKind, at: Date, subject: EventSubject = {}): Promise<void> {
  const { packageName = null, version = null, details = {} } = subject;
  const origin = { userId: by.userId, username: by.username, address: ADDRESS, tokenId: null };
  return load.add("events", { at, kind, ...origin, packageName, version, details });
}

/** Adds an account and its one key, as the first publish registers it. */
export async function addAccount(load: Load, account: Account, passwordHash: string, at: Date): Promise<void> {
  const { userId, username, email, key } = account;
  const publicKey = key.publicHex;
  await load.add("users", {
    ...{ id: userId, username, usernameFolded: foldIdentity(username) },
    ...{ usernameSkeleton: usernameSkeletonOf(username), email, emailFolded: foldIdentity(email) },
    ...{ passwordHash, role: "user", createdAt: at, disabledAt: null },
  });
  await addEvent(load, account, "account.created", at, { details: { username, role: "user" } });
  await load.add("accountKeys", { userId, publicKey, label: "first publish", createdAt: at, retiredAt: null });
  const details = { keyId: keyIdOf(publicKey), publicKey, firstUse: true };
  await addEvent(load, account, "key.registered", at, { details });
}

/**
 * The version that represents a package in lists, and when the package changed last. Versions are
 * numbered from 0.
 */
export interface Shown {
  readonly latest: number | undefined;
  readonly isListed: boolean;
  readonly updatedAt: Date;
}

/** Adds a package with its owners, its key and its search index entries. */
export async function addPackage(
  load: Load,
  drafts: Drafts,
  number: number,
  { latest, isListed, updatedAt }: Shown,
): Promise<void> {
  const { plan } = drafts;
  const text = drafts.package(number);
  const { name, description, replacement } = text;
  const id = number + 1;
  const createdAt = plan.publishedAt(plan.firstOf[number] ?? 0);
  const publisher = drafts.account(text.owners[0]);
  const owners = text.owners.map((owner) => drafts.account(owner));
  const isDeprecated = replacement !== undefined;
  const downloads = plan.downloadsOf[number] ?? 0;
  await load.add("packages", {
    ...{ id, name, nameFolded: foldName(name), nameSkeleton: skeletonOf(name), description, tags: [...text.tags] },
    latest: latest === undefined ? null : plan.versionText(latest),
    latestPublishedAt: latest === undefined ? null : plan.publishedAt(latest),
    ...{ listed: isListed, downloads, createdAt, createdBy: publisher.userId },
    updatedAt: isDeprecated ? new Date(updatedAt.getTime() + DAY_MS) : updatedAt,
    status: isDeprecated ? "deprecated" : "active",
    ...{ statusMessage: isDeprecated ? DEPRECATED_MESSAGE : null, statusReplacement: replacement ?? null },
    ...{ quarantinedAt: null, quarantineReason: null },
  });
  for (const [at, { userId }] of owners.entries()) {
    // Owners are listed by the time at which they were added.
    await load.add("packageOwners", { packageId: id, userId, createdAt: new Date(createdAt.getTime() + at) });
  }
  const publicKey = publisher.key.publicHex;
  const pinned = { status: "active", addedAt: createdAt, endedAt: null, compromisedSince: null } as const;
  await load.add("packageKeys", { packageId: id, publicKey, ...pinned });
  const tags = [...new Set(text.tags.map(foldTag))];
  for (const tag of tags) await load.add("packageTags", { packageId: id, tag });
  const authors = authorsOf(
    text,
    owners.map(({ username }) => username),
  );
  for (const author of authors) await load.add("packageAuthors", { packageId: id, author });
  if (!isListed) return;
  for (const dependency of dependenciesOf(text)) await load.add("packageDependencies", { packageId: id, dependency });
  const document = { packageId: id, name, tags, authors, description, downloads };
  await load.addTerms(document);
}

/** Adds the events of a package's first publish, and those of its other owners. */
async function addPackageEvents(load: Load, drafts: Drafts, text: PackageText, at: Date): Promise<void> {
  const { name } = text;
  const [publisher, other] = text.owners.map((owner) => drafts.account(owner));
  if (publisher === undefined) return;
  await addEvent(load, publisher, "package.created", at, { packageName: name });
  const publicKey = publisher.key.publicHex;
  const pinned = { keyId: keyIdOf(publicKey), publicKey };
  await addEvent(load, publisher, "package_key.pinned", at, { packageName: name, details: pinned });
  if (other === undefined) return;
  const details = { username: other.username, invitedBy: publisher.username };
  await addEvent(load, other, "owner.added", new Date(at.getTime() + 1), { packageName: name, details });
}

/** An added version, with the fields of its log entry. */
export interface AddedVersion extends VersionEntry {
  readonly isYanked: boolean;
  readonly by: string;
}

/**
 * Adds a version with its contents and events. `logIndex` is the index that its leaf will have in
 * the log.
 */
export async function addVersion(
  load: Load,
  drafts: Drafts,
  number: number,
  text: PackageText,
  { inspection, received }: FilledArchive,
  logIndex: number,
): Promise<AddedVersion> {
  const { plan } = drafts;
  const owned = plan.packageOf[number] ?? 0;
  const { name } = text;
  const publisher = drafts.account(text.owners[0]);
  const publishedAt = plan.publishedAt(number);
  const version = plan.versionText(number);
  const statement = publishStatement({ name, version, ...received });
  const publicKey = publisher.key.publicHex;
  const verified = { scheme: "cpm-v1", publicKey, signature: signMessage(publisher.key, statement) } as const;
  const made = versionRow(
    owned + 1,
    { inspection, received, verified, publisher: { user: { id: publisher.userId } } },
    publishedAt,
  );
  const yankedAt = plan.yankedAt(number);
  const yanked = yankedAt === null ? {} : { yankedAt, yankReason: "broken", yankSeq: 1 };
  const row = { ...made, logIndex, downloads: plan.downloadsOfVersion(number), ...yanked };
  await load.add("versions", { id: number + 1, ...row });
  await load.add("versionContents", contentsRow(number + 1, inspection));
  if (plan.nthOf[number] === 1) await addPackageEvents(load, drafts, text, publishedAt);
  const about = { packageName: name, version };
  const details = { sha256: received.digest, size: received.size, keyId: keyIdOf(publicKey), scheme: verified.scheme };
  await addEvent(load, publisher, "version.published", publishedAt, { ...about, details });
  if (yankedAt !== null) {
    await addEvent(load, publisher, "version.yanked", yankedAt, {
      ...about,
      details: { reason: "broken", replacement: null },
    });
  }
  return { ...row, name, scheme: verified.scheme, isYanked: yankedAt !== null, by: publisher.username };
}

/** Adds the event of a package's deprecation, if it is deprecated. */
export async function addDeprecation(load: Load, drafts: Drafts, number: number, updatedAt: Date): Promise<void> {
  const { name, replacement, owners } = drafts.package(number);
  if (replacement === undefined) return;
  const details = { status: "deprecated", replacement };
  const at = new Date(updatedAt.getTime() + DAY_MS);
  await addEvent(load, drafts.account(owners[0]), "package.status_changed", at, { packageName: name, details });
}
