import { eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { loadUser } from "../accounts/load-user.ts";
import { NOBODY, type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { Failure, failure } from "../errors.ts";
import { loadPackage, lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { type StatementSignature, verifyStatement } from "../signing/verify-statement.ts";
import { activeKeys, applyDueReset, type KeyedPackage, loadPackageKeys, type PackageKeys } from "./package-trust.ts";
import {
  keysForChange,
  lastKeyLeaf,
  nameInLeaf,
  nextStatement,
  recordKeyChange,
  type Signed,
} from "./record-key-change.ts";

/** A cancel that is signed by a key of the package. */
export interface SignedCancel extends Signed {
  readonly signature: string;
  /** The address that sent it, for the event. */
  readonly address: string | null;
  /** Whether the sender may read the package, and so may learn why the cancel is refused. */
  readonly mayRead: boolean;
}

/** What the leaf of a cancelled reset records. */
interface ResetEnd {
  readonly changed: KeyedPackage;
  readonly publicKey: string;
  /** What a key signed. Undefined for a cancel that nobody signs, which follows any leaf. */
  readonly signed: Signed | undefined;
  /** A user name; `null` when a key alone cancels. */
  readonly by: string | null;
  readonly signatures: readonly StatementSignature[];
  readonly origin: Origin;
}

type LogDeps = Pick<Deps, "log">;

/**
 * Cancels a reset for an owner or an administrator, even if it is upheld. Throws
 * `package_not_found`, `not_an_owner` or `reset_not_found`.
 */
export async function cancelReset(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  actor: SessionActor,
  name: PackageName,
): Promise<void> {
  const now = clock();
  await db.write(async (session) => {
    const changed = await lockNamedPackage(session, name);
    // The role is read again: it may have ended while the body came in.
    const { role } = await loadUser(session, actor.user.username);
    if (role !== "admin") await requireOwner(session, changed, actor.user.id);
    const { reset } = await applyDueReset(session, changed, now);
    if (reset === undefined) throw failure({ code: "reset_not_found", name });
    const { publicKey } = reset;
    await endResets(session, [unsignedEnd(changed, publicKey, actor.origin)], now, { log });
  });
}

/**
 * Cancels a reset by the signature of a key that may sign the package. It needs no account, because
 * the account may be what was stolen, and no permission to read, even in a private registry.
 * Without that permission every refusal is the same `reset_not_found`, so refusals do not reveal
 * which packages exist. Throws `package_not_found`, `reset_not_found`, `reset_upheld`,
 * `key_change_outdated`, `signature_invalid` or `validation_failed`.
 */
export async function cancelResetByKey(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  name: PackageName,
  cancel: SignedCancel,
): Promise<void> {
  const now = clock();
  const refuse = (cause: unknown) => {
    throw !cancel.mayRead && isRefusal(cause) ? failure({ code: "reset_not_found", name }) : cause;
  };
  // Check before taking locks: a client without an account must not make publishers wait.
  await db
    .read(async (session) => {
      const found = await loadPackage(session, name);
      await proveCancel(session, found, await loadPackageKeys(session, found.id, now), cancel, { log });
    })
    .catch(refuse);
  await db
    .write(async (session) => {
      const changed = await lockNamedPackage(session, name);
      const trusted = await keysForChange(session, changed, cancel, now);
      await endResets(session, [await proveCancel(session, changed, trusted, cancel, { log })], now, { log });
    })
    .catch(refuse);
}

const REFUSALS = ["package_not_found", "reset_upheld", "key_change_outdated", "signature_invalid", "validation_failed"];

function isRefusal(cause: unknown): boolean {
  return cause instanceof Failure && REFUSALS.includes(cause.error.code);
}

async function proveCancel(
  session: DbSession,
  changed: KeyedPackage,
  { keys, reset }: PackageKeys,
  { previous, at, signature, address }: SignedCancel,
  { log }: LogDeps,
): Promise<ResetEnd> {
  const { name } = changed;
  if (reset === undefined) throw failure({ code: "reset_not_found", name });
  const { publicKey } = reset;
  const change = { name, action: "cancel", publicKey, previous, at } as const;
  const statement = await nextStatement(session, changed, change, { log });
  const signed = verifyStatement(statement, signature, activeKeys({ keys, reset }), "/signature");
  if (reset.upheld) throw failure({ code: "reset_upheld", name });
  const origin = { ...NOBODY, address };
  return { changed, publicKey, signed: { previous, at }, by: null, signatures: [signed], origin };
}

/** The end of a reset that an account or an administrator cancels, which nobody signs. */
function unsignedEnd(changed: KeyedPackage, publicKey: string, origin: Origin): ResetEnd {
  return { changed, publicKey, signed: undefined, by: nameInLeaf(origin), signatures: [], origin };
}

/**
 * Deletes resets and logs their cancellation, so that readers of the log see that they never took
 * effect. All rows are written before the first leaf, because the log is locked from the first leaf
 * to the end of the transaction. `logBefore` logs other changes of the same request, whose signer
 * could not foresee the leaf of a cancel.
 */
async function endResets(
  session: DbSession,
  ends: readonly ResetEnd[],
  now: Date,
  deps: LogDeps,
  logBefore: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { packageKeyResets } = session.tables;
  for (const { changed, publicKey, origin, signatures } of ends) {
    await session.query.delete(packageKeyResets).where(eq(packageKeyResets.packageId, changed.id));
    const [proof] = signatures;
    const details = { keyId: keyIdOf(publicKey), publicKey, signedBy: proof && keyIdOf(proof.publicKey) };
    await recordEvent(session, origin, "package_key.reset_cancelled", now, { packageName: changed.name, details });
  }
  await logBefore();
  for (const { changed, publicKey, signed, by, signatures } of ends) {
    const { previous, at } = signed ?? { previous: (await lastKeyLeaf(session, changed.id)).sha256, at: now };
    const draft = { name: changed.name, action: "cancel", publicKey, previous, at, by, signatures } as const;
    await recordKeyChange(session, changed, draft, now, deps);
  }
}

/**
 * Cancels the resets that this account requested for some packages. The caller must hold the locks
 * of the packages. Returns the names of the packages whose reset it cancelled.
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
  logBefore?: () => Promise<void>,
): Promise<string[]> {
  const ends: ResetEnd[] = [];
  for (const changed of locked) {
    const { reset } = await applyDueReset(session, changed, now);
    if (reset?.requestedBy === username) {
      ends.push(unsignedEnd(changed, reset.publicKey, origin));
    }
  }
  await endResets(session, ends, now, deps, logBefore);
  return ends.map(({ changed }) => changed.name);
}

/**
 * Lists the packages whose pending reset an account requested. The caller locks them before it
 * cancels.
 */
export function packagesResetBy({ query, tables }: DbSession, username: string) {
  const { packageKeyResets, packages } = tables;
  return query
    .select({ id: packages.id, name: packages.name })
    .from(packageKeyResets)
    .innerJoin(packages, eq(packages.id, packageKeyResets.packageId))
    .where(eq(packageKeyResets.requestedBy, username));
}
