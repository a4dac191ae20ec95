import { desc, eq, sql } from "drizzle-orm";
import { OPERATOR, type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession, Tables } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { statement } from "../db/statement.ts";
import { failure } from "../errors.ts";
import { NO_LEAF } from "../signing/key-statements.ts";
import { keyIdOf } from "../signing/verify-archive.ts";

export type PackageKeyRow = Tables["packageKeys"]["$inferSelect"];
export type KeyResetRow = Tables["packageKeyResets"]["$inferSelect"];

/** As much of a package as its keys need. */
export interface KeyedPackage {
  readonly id: number;
  readonly name: string;
}

/** The keys of a package, and a reset that waits for its time. */
export interface PackageKeys {
  readonly keys: readonly PackageKeyRow[];
  readonly reset: KeyResetRow | undefined;
}

/** Puts the new key in the place of all others, as a reset does when its time has come. */
function afterReset(keys: readonly PackageKeyRow[], { packageId, publicKey, effectiveAt }: KeyResetRow) {
  const ended = keys
    .filter((key) => key.publicKey !== publicKey)
    .map((key) => (key.status === "active" ? { ...key, status: "superseded" as const, endedAt: effectiveAt } : key));
  const fresh = { packageId, publicKey, status: "active" as const, addedAt: effectiveAt, endedAt: null };
  return [...ended, { ...fresh, compromisedSince: null }];
}

const resetOfPackage = statement<{ packageId: number }, KeyResetRow>(({ query, tables: { packageKeyResets } }) =>
  query
    .select()
    .from(packageKeyResets)
    .where(eq(packageKeyResets.packageId, sql.placeholder("packageId"))),
);

const keysOfPackage = statement<{ packageId: number }, PackageKeyRow>(({ query, tables: { packageKeys } }) =>
  query
    .select()
    .from(packageKeys)
    .where(eq(packageKeys.packageId, sql.placeholder("packageId")))
    .orderBy(packageKeys.addedAt, packageKeys.publicKey),
);

async function loadRows(session: DbSession, packageId: number): Promise<PackageKeys> {
  // First the reset: written between the two, it is applied twice, to the same end; the other way round it would be lost.
  const [reset] = await resetOfPackage(session, { packageId });
  return { keys: await keysOfPackage(session, { packageId }), reset };
}

/** The keys of a package as they are now: a reset whose time has come counts, whether or not it was written yet. */
export async function loadPackageKeys(session: DbSession, packageId: number, now: Date): Promise<PackageKeys> {
  const { keys, reset } = await loadRows(session, packageId);
  if (reset === undefined || reset.effectiveAt > now) return { keys, reset };
  return { keys: afterReset(keys, reset), reset: undefined };
}

/**
 * Loads the keys of a package like `loadPackageKeys`, and first writes a reset that is due. The transaction must hold the
 * package's lock.
 */
export async function applyDueReset(session: DbSession, { id, name }: KeyedPackage, now: Date): Promise<PackageKeys> {
  // One after the other on its connection, and the package is locked.
  const [[reset], keys] = await pipelined([
    resetOfPackage(session, { packageId: id }),
    keysOfPackage(session, { packageId: id }),
  ]);
  if (reset === undefined || reset.effectiveAt > now) return { keys, reset };
  const { packageKeys, packageKeyResets } = session.tables;
  const { publicKey, requestedBy, effectiveAt } = reset;
  const applied = afterReset(keys, reset);
  await session.query.delete(packageKeys).where(eq(packageKeys.packageId, id));
  await session.query.insert(packageKeys).values(applied);
  await session.query.delete(packageKeyResets).where(eq(packageKeyResets.packageId, id));
  const details = { keyId: keyIdOf(publicKey), publicKey, requestedBy, effectiveAt: effectiveAt.toISOString() };
  await recordEvent(session, OPERATOR, "package_key.reset_effective", now, { packageName: name, details });
  return { keys: applied, reset: undefined };
}

/** The keys that may sign. */
export function activeKeys({ keys }: PackageKeys): string[] {
  return keys.filter(({ status }) => status === "active").map(({ publicKey }) => publicKey);
}

/** Throws `key_not_trusted` unless a key is one of those that may sign the package. */
export function requirePinnedKey({ keys }: PackageKeys, name: string, publicKey: string): void {
  const status = keys.find((key) => key.publicKey === publicKey)?.status;
  if (status === "active") return;
  const address = `/api/packages/${name}/keys`;
  const reason =
    status === undefined
      ? `This key is none of those that may sign ${name}: an owner adds it with POST ${address}.`
      : `This key may no longer sign ${name}, it is ${status}: GET ${address} tells which may.`;
  throw failure({ code: "key_not_trusted", reason });
}

/** Pins the key of the first publish to a package. */
export async function pinFirstKey(
  session: DbSession,
  { id, name }: KeyedPackage,
  publicKey: string,
  origin: Origin,
  now: Date,
): Promise<void> {
  const { packageKeys } = session.tables;
  await session.query.insert(packageKeys).values({ packageId: id, publicKey, status: "active", addedAt: now });
  const details = { keyId: keyIdOf(publicKey), publicKey };
  await recordEvent(session, origin, "package_key.pinned", now, { packageName: name, details });
}

/** The last key leaf of a package: its number, and its digest as `previous` of the next change. */
export async function lastKeyLeaf(
  { query, tables: { packageKeyChanges } }: DbSession,
  packageId: number,
): Promise<{ readonly seq: number; readonly sha256: string }> {
  const [last] = await query
    .select({ seq: packageKeyChanges.seq, sha256: packageKeyChanges.leafSha256 })
    .from(packageKeyChanges)
    .where(eq(packageKeyChanges.packageId, packageId))
    .orderBy(desc(packageKeyChanges.seq))
    .limit(1);
  return last ?? { seq: 0, sha256: NO_LEAF };
}
