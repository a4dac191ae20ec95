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
 * Who cancels a reset: an owner, or an old key by its signature. That is good without an account, because the account
 * may be what was stolen.
 */
export type Canceller =
  | { readonly owner: SessionActor }
  | { readonly address: string | null; readonly previous: string; readonly signature: string };

/** What cancels a reset, and what proves that the canceller may: for an owner its session, for an old key a signature. */
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
 * Cancels a reset that has not taken effect. Throws `package_not_found`, `not_an_owner`, `reset_not_found`,
 * `key_change_outdated` or `signature_invalid`.
 */
export async function cancelReset(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  canceller: Canceller,
  name: PackageName,
): Promise<void> {
  const now = clock();
  if (!("owner" in canceller)) {
    // Before anything is locked: who has no account must not make publishers wait.
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
 * Takes resets back in public: who reads the log sees that they never took effect. The rows of all of them come before
 * the first leaf, because the log is locked from there to the end of the transaction.
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
 * Cancels the resets of packages, whose locks are held, that this account asked for: whoever ceases to be an owner must
 * not bring in a key any more. This is done when they cease, not found out when the reset is due: a leaf tells readers
 * of the log, and a reset that took effect before stays in effect. Call it last: it locks the log.
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

/** `cancelResetsOf` all packages, for an account that is disabled. */
export async function cancelResetsBy(
  session: DbSession,
  username: string,
  origin: Origin,
  now: Date,
  deps: LogDeps,
): Promise<void> {
  const { packageKeyResets, packages } = session.tables;
  const asked = await session.query
    .select({ name: packages.name })
    .from(packageKeyResets)
    .innerJoin(packages, eq(packages.id, packageKeyResets.packageId))
    .where(eq(packageKeyResets.requestedBy, username))
    .orderBy(asc(packages.id));
  // By their ids, the order of everybody who waits for many packages.
  const locked: KeyedPackage[] = [];
  for (const { name } of asked) locked.push(await lockNamedPackage(session, packageNameParam(name)));
  await cancelResetsOf(session, locked, username, origin, now, deps);
}
