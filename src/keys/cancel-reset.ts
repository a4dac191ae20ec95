import { asc, eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { NOBODY, type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { loadPackage, lockNamedPackage, packageNameParam, requireOwner } from "../packages/find-package.ts";
import type { KeyChange } from "../signing/key-statements.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { verifyStatement } from "../signing/verify-statement.ts";
import { activeKeys, applyDueReset, type KeyedPackage, loadPackageKeys, type PackageKeys } from "./package-trust.ts";
import { type KeyChangeProof, nextStatement, proofOf, recordKeyChange } from "./record-key-change.ts";

/**
 * Who cancels a reset: an owner with a session, or the holder of an old key with a signature. The
 * signature needs no account, because the account may be what was stolen.
 */
export type Canceller =
  | { readonly owner: SessionActor }
  | { readonly address: string | null; readonly previous: string; readonly signature: string };

/**
 * Builds the key change that cancels a reset, with its proof. Throws unless the canceller may
 * cancel.
 */
async function proveCancel(session: DbSession, { id, name }: KeyedPackage, trusted: PackageKeys, canceller: Canceller) {
  if (trusted.reset === undefined) throw failure({ code: "reset_not_found", name });
  const change: KeyChange = { name, action: "cancel", publicKey: trusted.reset.publicKey };
  if ("owner" in canceller) {
    const proof: KeyChangeProof = { by: canceller.owner.user.username, statement: null, proof: null };
    return { change, proof, signedBy: undefined };
  }
  const statement = await nextStatement(session, { id, name }, change, canceller.previous);
  const signed = verifyStatement(statement, canceller.signature, activeKeys(trusted), "/signature");
  const proof: KeyChangeProof = { by: null, statement, proof: proofOf(signed) };
  return { change, proof, signedBy: keyIdOf(signed.publicKey) };
}

/**
 * Cancels a reset that has not taken effect. Throws `package_not_found`, `not_an_owner`,
 * `reset_not_found`, `key_change_outdated` or `signature_invalid`.
 */
export async function cancelReset(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  canceller: Canceller,
  name: PackageName,
): Promise<void> {
  const now = clock();
  if (!("owner" in canceller)) {
    // Check before taking locks: a client without an account must not make publishers wait.
    await db.read(async (session) => {
      const found = await loadPackage(session, name);
      await proveCancel(session, found, await loadPackageKeys(session, found.id, now), canceller);
    });
  }
  await db.write(async (session) => {
    const changed = await lockNamedPackage(session, name);
    if ("owner" in canceller) await requireOwner(session, changed, canceller.owner.user.id);
    const trusted = await applyDueReset(session, changed, now);
    const { change, proof, signedBy } = await proveCancel(session, changed, trusted, canceller);
    const origin = "owner" in canceller ? canceller.owner.origin : { ...NOBODY, address: canceller.address };
    await endResets(session, [{ changed, publicKey: change.publicKey, proof, origin, signedBy }], now, { log });
  });
}

type LogDeps = Pick<Deps, "log">;

interface ResetEnd {
  readonly changed: KeyedPackage;
  readonly publicKey: string;
  readonly proof: KeyChangeProof;
  readonly origin: Origin;
  readonly signedBy: string | undefined;
}

/**
 * Deletes resets and logs their cancellation, so that readers of the log see that they never took
 * effect. All rows are written before the first leaf, because the log is locked from the first leaf
 * to the end of the transaction.
 */
async function endResets(session: DbSession, ends: readonly ResetEnd[], now: Date, deps: LogDeps): Promise<void> {
  const { packageKeyResets } = session.tables;
  for (const { changed, publicKey, origin, signedBy } of ends) {
    await session.query.delete(packageKeyResets).where(eq(packageKeyResets.packageId, changed.id));
    const details = { keyId: keyIdOf(publicKey), publicKey, signedBy };
    await recordEvent(session, origin, "package_key.reset_cancelled", now, { packageName: changed.name, details });
  }
  for (const { changed, publicKey, proof } of ends) {
    await recordKeyChange(session, changed, { name: changed.name, action: "cancel", publicKey }, proof, now, deps);
  }
}

/**
 * Cancels the resets that this account requested for some packages. The caller must hold the locks
 * of the packages.
 *
 * A former owner must not bring in a key. The reset is cancelled when the ownership ends and not
 * when the reset is due: so the log has a leaf about it, and a reset that took effect earlier stays
 * in effect. Call it last, because it locks the log.
 */
export async function cancelResetsOf(
  session: DbSession,
  locked: readonly KeyedPackage[],
  username: string,
  origin: Origin,
  now: Date,
  deps: LogDeps,
): Promise<void> {
  const proof: KeyChangeProof = { by: origin.username, statement: null, proof: null };
  const ends: ResetEnd[] = [];
  for (const changed of locked) {
    const { reset } = await applyDueReset(session, changed, now);
    if (reset?.requestedBy !== username) continue;
    ends.push({ changed, publicKey: reset.publicKey, proof, origin, signedBy: undefined });
  }
  await endResets(session, ends, now, deps);
}

/**
 * Cancels the resets that an account requested for any package. Used when the account is disabled.
 */
export async function cancelResetsBy(
  session: DbSession,
  username: string,
  origin: Origin,
  now: Date,
  deps: LogDeps,
): Promise<void> {
  const { packageKeyResets, packages } = session.tables;
  const requested = await session.query
    .select({ name: packages.name })
    .from(packageKeyResets)
    .innerJoin(packages, eq(packages.id, packageKeyResets.packageId))
    .where(eq(packageKeyResets.requestedBy, username))
    .orderBy(asc(packages.id));
  // Every transaction that locks several packages locks them in order of their ids.
  const locked: KeyedPackage[] = [];
  for (const { name } of requested) locked.push(await lockNamedPackage(session, packageNameParam(name)));
  await cancelResetsOf(session, locked, username, origin, now, deps);
}
