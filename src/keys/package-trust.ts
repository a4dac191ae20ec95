import { eq, sql } from "drizzle-orm";
import { OPERATOR, type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession, Tables } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { statement } from "../db/statement.ts";
import { failure } from "../errors.ts";
import { keyIdOf } from "../signing/verify-archive.ts";

/** A row of `package_keys`: one key pinned to one package, active or not. */
export type PackageKeyRow = Tables["packageKeys"]["$inferSelect"];

/** A row of `package_key_resets`: the pending reset of a package. */
export type KeyResetRow = Tables["packageKeyResets"]["$inferSelect"];

/** The fields of a package that functions about its keys need. */
export interface KeyedPackage {
  readonly id: number;
  readonly name: string;
}

/** The keys of a package, and its reset if one is pending. */
export interface PackageKeys {
  readonly keys: readonly PackageKeyRow[];
  readonly reset: KeyResetRow | undefined;
}

/** Returns the keys of a package after a reset took effect: the new key supersedes all others. */
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
  // Read the reset first. If it is applied between the two reads, it is applied twice, which
  // changes nothing. In the other order it would be lost.
  const [reset] = await resetOfPackage(session, { packageId });
  return { keys: await keysOfPackage(session, { packageId }), reset };
}

/**
 * Loads the present keys of a package. A reset that is due counts, even if it is not written yet.
 */
export async function loadPackageKeys(session: DbSession, packageId: number, now: Date): Promise<PackageKeys> {
  const { keys, reset } = await loadRows(session, packageId);
  if (reset === undefined || reset.effectiveAt > now) return { keys, reset };
  return { keys: afterReset(keys, reset), reset: undefined };
}

/**
 * Loads the keys of a package like `loadPackageKeys`, and first writes a reset that is due. The
 * transaction must hold the package's lock.
 */
export async function applyDueReset(session: DbSession, { id, name }: KeyedPackage, now: Date): Promise<PackageKeys> {
  // The connection runs the two reads in order and the package is locked, so nothing changes in
  // between.
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

/** Returns the keys that may sign. */
export function activeKeys({ keys }: PackageKeys): string[] {
  return keys.filter(({ status }) => status === "active").map(({ publicKey }) => publicKey);
}

/** Throws `key_not_trusted` unless the key may sign the package. */
export function requirePinnedKey({ keys }: PackageKeys, name: string, publicKey: string): void {
  const status = keys.find((key) => key.publicKey === publicKey)?.status;
  if (status === "active") return;
  const address = `/api/packages/${name}/keys`;
  const reason =
    status === undefined
      ? `This key may not sign ${name}. An owner can add it with POST ${address}.`
      : `This key may no longer sign ${name}: it is ${status}. GET ${address} lists the keys that may.`;
  throw failure({ code: "key_not_trusted", reason });
}

/** Pins the key of a package's first publish. */
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
