import { and, eq, gte } from "drizzle-orm";
import { NOBODY, type Origin, recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import { foldIdentity } from "../domain/identity.ts";
import { applyDueReset } from "../keys/package-trust.ts";
import { lastKeyLeaf, leafDigest } from "../keys/record-key-change.ts";
import { endKey } from "../keys/remove-package-key.ts";
import type { LeafDetails } from "../log/leaf-details.ts";
import { addToTotals } from "../metrics/registry-totals.ts";
import { applyTakedown } from "../moderation/take-down.ts";
import { lockNamedPackage, packageNameParam } from "../packages/find-package.ts";
import { loadNumberedVersion } from "../packages/find-version.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import type { PackageRow, Quarantinable } from "../packages/views.ts";
import { keyChangeStatement, RESET_DELAY_MS } from "../signing/key-statements.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import type { KeyEntry } from "../tlog/key-leaf.ts";
import type { YankEntry } from "../tlog/leaf.ts";
import { type StatusEntry, type StatusReason, WHOLE_PACKAGE } from "../tlog/status-leaf.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";
import { toldWords, toldYank } from "./told-details.ts";

/** One leaf to replay. */
export interface Replayed {
  readonly kind: Database["kind"];
  /** The index of the leaf. */
  readonly index: number;
  readonly details: LeafDetails;
  /** When the change was made. */
  readonly at: Date;
}

/** Throws unless a leaf follows what the database has: then its tables and its log disagree. */
function requireNext(isNext: boolean, index: number, what: string): void {
  if (isNext) return;
  throw new RecoveryRefusal(
    "database_differs",
    `leaf ${index} (${what}) does not follow what the tables of this database have: they were changed without the log. Restore another backup.`,
    [String(index)],
  );
}

/** The account of a leaf's `by`, for events. A name without an account is kept as a name. */
async function originOf({ query, tables: { users } }: DbSession, by: string | null): Promise<Origin> {
  if (by === null || !/^[^(-]/.test(by)) return NOBODY;
  const [user] = await query
    .select({ id: users.id })
    .from(users)
    .where(eq(users.usernameFolded, foldIdentity(by)));
  return { ...NOBODY, userId: user?.id ?? null, username: by };
}

function lockPackageOf(session: DbSession, { name }: { readonly name: string }): Promise<PackageRow> {
  return lockNamedPackage(session, packageNameParam(name));
}

/** Yanks or unyanks a version as its leaf says. */
export async function replayYank(
  session: DbSession,
  { name, version, seq, action, by }: YankEntry,
  { kind, index, details: told, at }: Replayed,
): Promise<void> {
  const { reason, message, replacement } = toldYank(told);
  const changed = await lockPackageOf(session, { name });
  const { row } = await loadNumberedVersion(session, changed, version);
  requireNext(row.yankSeq === seq - 1, index, `${action} ${seq} of ${name} ${version}`);
  const { versions } = session.tables;
  const yanked = { yankedAt: at, yankReason: reason, yankMessage: message, yankReplacement: replacement };
  const none = { yankedAt: null, yankReason: null, yankMessage: null, yankReplacement: null };
  const columns = { ...(action === "yank" ? yanked : none), yankSeq: seq };
  await session.query.update(versions).set(columns).where(eq(versions.id, row.id));
  await rebuildListing(session, kind, changed, at);
  const about = { packageName: name, version, details: action === "yank" ? { reason, replacement } : {} };
  const event = action === "yank" ? "version.yanked" : "version.unyanked";
  await recordEvent(session, await originOf(session, by), event, at, about);
}

const RELEASED = { quarantinedAt: null, quarantineReason: null };

/** Quarantines or releases a package or a version as its leaf says. */
export async function replayStatus(
  session: DbSession,
  { name, version, seq, action, reason: category }: StatusEntry,
  { kind, index, details, at }: Replayed,
): Promise<void> {
  const { packages, versions, packageStatuses } = session.tables;
  const { query } = session;
  const changed = await lockPackageOf(session, { name });
  const isPackage = version === WHOLE_PACKAGE;
  const isSubject = and(eq(packageStatuses.packageId, changed.id), eq(packageStatuses.version, version));
  const before = await query.$count(packageStatuses, isSubject);
  requireNext(before === seq - 1, index, `${action} ${seq} of ${name} ${version}`);
  if (action === "remove") {
    await replayTakedown(session, kind, changed, isPackage ? undefined : version, { reason: category, at });
    await query
      .insert(packageStatuses)
      .values({ packageId: changed.id, version, seq, action, category, at, logIndex: index });
    return;
  }
  const isHeld = action === "quarantine";
  const reason = toldWords(details.reason) ?? category;
  // What is quarantined again for another reason keeps its time.
  const columnsOf = ({ quarantinedAt }: Quarantinable) =>
    isHeld ? { quarantinedAt: quarantinedAt ?? at, quarantineReason: reason } : RELEASED;
  let after = changed;
  if (isPackage) {
    const isPackageRow = eq(packages.id, changed.id);
    const [row] = await query.update(packages).set(columnsOf(changed)).where(isPackageRow).returning();
    after = row ?? changed;
  } else {
    const { row } = await loadNumberedVersion(session, changed, version);
    await query.update(versions).set(columnsOf(row)).where(eq(versions.id, row.id));
  }
  await rebuildListing(session, kind, after, after.updatedAt);
  await query
    .insert(packageStatuses)
    .values({ packageId: changed.id, version, seq, action, category, at, logIndex: index });
  const subject = isPackage ? "package" : "version";
  const event = isHeld ? (`${subject}.quarantined` as const) : (`${subject}.released` as const);
  const about = { packageName: name, ...(isPackage ? {} : { version }), details: isHeld ? { reason, category } : {} };
  await recordEvent(session, NOBODY, event, at, about);
}

async function replayTakedown(
  session: DbSession,
  kind: Database["kind"],
  owner: PackageRow,
  version: string | undefined,
  { reason, at }: { readonly reason: StatusReason; readonly at: Date },
): Promise<void> {
  const { versions } = await applyTakedown(session, kind, owner, version, { reason, at });
  const storageBytes = versions.reduce((sum, { size }) => sum - size, 0);
  await addToTotals(session, { packages: 0, versions: 0, storageBytes });
  const about = { packageName: owner.name, details: { reason } };
  if (version === undefined) await recordEvent(session, NOBODY, "package.taken_down", at, about);
  else await recordEvent(session, NOBODY, "version.taken_down", at, { ...about, version });
}

/** Changes the keys of a package as its leaf says. `origin` is that of the log at the leaf. */
export async function replayKeyChange(
  session: DbSession,
  entry: KeyEntry,
  leaf: string,
  origin: string,
  replayed: Replayed,
): Promise<void> {
  const { index, at } = replayed;
  const { name, seq, action, publicKey, by, signatures } = entry;
  const changed = await lockPackageOf(session, { name });
  await applyDueReset(session, changed, at);
  const last = await lastKeyLeaf(session, changed.id);
  requireNext(last.seq === seq - 1 && last.sha256 === entry.previous, index, `key change ${seq} of ${name}`);
  await APPLY[action](session, changed, entry, replayed);
  const { packageKeyChanges } = session.tables;
  await session.query.insert(packageKeyChanges).values({
    ...{ packageId: changed.id, seq, action, publicKey, at, leaf, logIndex: index },
    leafSha256: leafDigest(leaf),
    byUsername: by,
    statement: signatures.length === 0 ? null : keyChangeStatement(origin, entry),
  });
}

type Apply = (session: DbSession, changed: PackageRow, entry: KeyEntry, replayed: Replayed) => Promise<void>;

async function record(
  session: DbSession,
  { name, publicKey, by }: KeyEntry,
  kind: Parameters<typeof recordEvent>[2],
  at: Date,
  more: { readonly reason?: string; readonly since?: string | null; readonly effectiveAt?: string } = {},
): Promise<void> {
  const details = { keyId: keyIdOf(publicKey), publicKey, ...more };
  await recordEvent(session, await originOf(session, by), kind, at, { packageName: name, details });
}

const add: Apply = async (session, { id: packageId }, entry, { at }) => {
  const { packageKeys } = session.tables;
  const { publicKey } = entry;
  const isKey = and(eq(packageKeys.packageId, packageId), eq(packageKeys.publicKey, publicKey));
  await session.query.delete(packageKeys).where(isKey);
  await session.query.insert(packageKeys).values({ packageId, publicKey, status: "active", addedAt: at });
  await record(session, entry, "package_key.added", at);
};

const remove: Apply = async (session, changed, entry, { kind, index, at }) => {
  const { packageKeys, versions } = session.tables;
  const { publicKey, removal } = entry;
  const isKey = and(eq(packageKeys.packageId, changed.id), eq(packageKeys.publicKey, publicKey));
  const [known] = await session.query.select().from(packageKeys).where(isKey);
  requireNext(known !== undefined && removal !== undefined, index, `removal of a key of ${changed.name}`);
  if (known === undefined || removal === undefined) return;
  const { reason, since } = removal;
  const first = since === null ? 0 : (await loadNumberedVersion(session, changed, since)).row.id;
  await endKey(session, known, reason, reason === "superseded" ? null : first, at);
  if (reason === "compromised") {
    // The leaves that follow yank those that were not yanked.
    const isSigned = and(
      eq(versions.packageId, changed.id),
      eq(versions.publicKey, publicKey),
      gte(versions.id, first),
    );
    await session.query.update(versions).set({ keyCompromised: true }).where(isSigned);
    await rebuildListing(session, kind, changed, at);
  }
  await record(session, entry, "package_key.removed", at, { reason, since });
};

const reset: Apply = async (session, { id: packageId }, entry, { at }) => {
  const { packageKeyResets } = session.tables;
  const effectiveAt = new Date(entry.at.getTime() + RESET_DELAY_MS);
  const { publicKey, by } = entry;
  const row = { packageId, publicKey, requestedBy: by ?? "", requestedAt: at, effectiveAt, upheld: false };
  await session.query.insert(packageKeyResets).values(row);
  await record(session, entry, "package_key.reset_requested", at, { effectiveAt: effectiveAt.toISOString() });
};

const cancel: Apply = async (session, { id }, entry, { at }) => {
  const { packageKeyResets } = session.tables;
  await session.query.delete(packageKeyResets).where(eq(packageKeyResets.packageId, id));
  await record(session, entry, "package_key.reset_cancelled", at);
};

const uphold: Apply = async (session, { id }, entry, { at }) => {
  const { packageKeyResets, keyResetUpholds } = session.tables;
  await session.query.update(packageKeyResets).set({ upheld: true }).where(eq(packageKeyResets.packageId, id));
  await session.query.delete(keyResetUpholds).where(eq(keyResetUpholds.packageId, id));
  await record(session, entry, "package_key.reset_upheld", at);
};

const APPLY: Readonly<Record<KeyEntry["action"], Apply>> = { add, remove, reset, cancel, uphold };
