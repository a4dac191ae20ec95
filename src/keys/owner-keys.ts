import { and, eq, inArray } from "drizzle-orm";
import type { Actor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { verifyStatement } from "../signing/verify-statement.ts";
import { KEY_ID_SHOWN_MAX_CHARS } from "./key-view.ts";
import { activeKeys, type KeyedPackage, loadPackageKeys } from "./package-trust.ts";
import {
  type KeyChangeDraft,
  keysForChange,
  lastKeyLeaf,
  leafOf,
  recordKeyChange,
  type Signed,
  statementAfter,
} from "./record-key-change.ts";
import { endKey, requireRemovable } from "./remove-package-key.ts";

const SUPERSEDED = { reason: "superseded", since: null } as const;

/** A key that an owner held. */
export interface OwnerKeyView {
  readonly keyId: string;
  readonly publicKey: string;
}

/** A key to remove with its owner, as `superseded`. A key that may sign the package signs it. */
export interface OwnerKeyRemoval extends Signed {
  readonly keyId: string;
  readonly signature: string;
}

/** An account that owns a package, or did. */
export interface KeyHolder {
  readonly id: string;
  readonly username: string;
}

/**
 * Returns the keys of an account that may still sign a package: those on its list, and those that
 * it let in and that no other owner has. Without an owner's account they cannot publish, but each
 * can cancel a reset.
 */
export async function keysOfOwner(
  session: DbSession,
  { id: packageId }: KeyedPackage,
  holder: KeyHolder,
  now: Date,
): Promise<OwnerKeyView[]> {
  const active = activeKeys(await loadPackageKeys(session, packageId, now));
  if (active.length === 0) return [];
  const { accountKeys, packageKeyChanges, packageOwners } = session.tables;
  const { publicKey, userId } = accountKeys;
  const isOwner = and(eq(packageOwners.userId, userId), eq(packageOwners.packageId, packageId));
  const registered = await session.query
    .select({ publicKey, userId, ownerId: packageOwners.userId })
    .from(accountKeys)
    .leftJoin(packageOwners, isOwner)
    .where(inArray(publicKey, active));
  const { action, byUsername, packageId: ofPackage, publicKey: changedKey } = packageKeyChanges;
  const letIn = await session.query
    .select({ publicKey: changedKey })
    .from(packageKeyChanges)
    .where(and(eq(ofPackage, packageId), eq(byUsername, holder.username), inArray(action, ["add", "reset"])));
  const own = new Set(registered.filter((row) => row.userId === holder.id).map((row) => row.publicKey));
  const isOthers = (key: string) =>
    registered.some((row) => row.publicKey === key && row.ownerId !== null && row.ownerId !== holder.id);
  const brought = new Set(letIn.map((row) => row.publicKey).filter((key) => !isOthers(key)));
  return active
    .filter((key) => own.has(key) || brought.has(key))
    .map((key) => ({ keyId: keyIdOf(key), publicKey: key }));
}

/**
 * Removes keys of an owner from a locked package as `superseded`, and returns the step that logs
 * it: call that last, because the log is locked from there on.
 *
 * Each key has its own statement, whose `previous` is the leaf of the one before. A client can
 * compute that leaf: it has nothing that the client did not send or know. Throws `key_not_found`,
 * `last_key`, `reset_pending`, `key_change_outdated`, `signature_invalid` or `validation_failed`.
 */
export async function removeOwnerKeys(
  session: DbSession,
  deps: Pick<Deps, "log">,
  { changed, actor, holder }: { readonly changed: KeyedPackage; readonly actor: Actor; readonly holder: KeyHolder },
  removals: readonly OwnerKeyRemoval[],
  now: Date,
): Promise<() => Promise<void>> {
  const held = removals.length === 0 ? [] : await keysOfOwner(session, changed, holder, now);
  const drafts: KeyChangeDraft[] = [];
  let last = await lastKeyLeaf(session, changed.id);
  for (const [at, removal] of removals.entries()) {
    if (held.every(({ keyId }) => keyId !== removal.keyId)) {
      throw failure({ code: "key_not_found", keyId: removal.keyId.slice(0, KEY_ID_SHOWN_MAX_CHARS) });
    }
    const trusted = await keysForChange(session, changed, removal, now, `/keys/${at}/at`);
    const known = requireRemovable(trusted, changed.name, { keyId: removal.keyId, reason: "superseded" });
    const { publicKey } = known;
    const named = { name: changed.name, action: "remove", publicKey } as const;
    const change = { ...named, previous: removal.previous, at: removal.at, removal: SUPERSEDED };
    const statement = statementAfter(last, change, deps);
    const signed = verifyStatement(statement, removal.signature, activeKeys(trusted), `/keys/${at}/signature`);
    const draft = { ...change, by: actor.user.username, signatures: [signed] };
    drafts.push(draft);
    const seq = last.seq + 1;
    last = { seq, sha256: leafOf(draft, seq).sha256 };
    await endKey(session, known, "superseded", null, now);
    const ids = { keyId: keyIdOf(publicKey), signedBy: keyIdOf(signed.publicKey) };
    const details = { ...ids, publicKey, reason: "superseded", formerOwner: holder.username };
    await recordEvent(session, actor.origin, "package_key.removed", now, { packageName: changed.name, details });
  }
  return async () => {
    for (const draft of drafts) await recordKeyChange(session, changed, draft, now, deps);
  };
}
