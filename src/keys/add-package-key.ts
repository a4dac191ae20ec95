import { and, eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { readPublicKey, verifyStatement } from "../signing/verify-statement.ts";
import { activeKeys, type PackageKeyRow, type PackageKeys } from "./package-trust.ts";
import { keysForChange, lastKeyLeaf, recordKeyChange, type Signed, statementAfter } from "./record-key-change.ts";

/** More than the signing machines of any team. */
const ACTIVE_KEYS_MAX = 20;

/**
 * Includes superseded and compromised keys, which are kept for ever. A reset may exceed it, because
 * it is the last resort.
 */
const KEYS_EVER_MAX = 200;

/**
 * Every proof of a version carries all key changes of its package. The removals that such a package
 * still needs, and its resets, fit below the 10,000 that a verifier reads.
 */
const CHANGES_MAX = 1_000;

/**
 * A key to add. An active key of the package and the new key itself sign the change (TUF's rule for
 * new root keys).
 */
export interface KeyAddition extends Signed {
  readonly publicKey: string;
  readonly signature: string;
  readonly newKeySignature: string;
}

function requireAddable({ keys }: PackageKeys, publicKey: string, changes: number): PackageKeyRow | undefined {
  const known = keys.find((key) => key.publicKey === publicKey);
  if (known?.status === "active") throw failure({ code: "key_exists", reason: "The package has this key already." });
  if (known?.status === "compromised") {
    throw failure({
      code: "key_exists",
      reason: "This key was compromised and cannot be added again. Make a new one.",
    });
  }
  if (keys.filter(({ status }) => status === "active").length >= ACTIVE_KEYS_MAX) {
    throw failure({ code: "limit_reached", what: "keys that may sign one package", max: ACTIVE_KEYS_MAX });
  }
  if (known === undefined && keys.length >= KEYS_EVER_MAX) {
    const advice = "add one of the earlier keys again, unless it is compromised";
    throw failure({ code: "limit_reached", what: "keys of one package ever", max: KEYS_EVER_MAX, advice });
  }
  if (changes >= CHANGES_MAX) {
    const advice = "publish with a key that the package has, or ask for a reset to a new one";
    throw failure({ code: "limit_reached", what: "key changes of one package", max: CHANGES_MAX, advice });
  }
  return known;
}

/**
 * Adds a key that may sign a package. Only an owner may do this. Throws `package_not_found`,
 * `not_an_owner`, `key_exists`, `limit_reached`, `key_change_outdated`, `validation_failed` or
 * `signature_invalid`.
 */
export async function addPackageKey(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  actor: SessionActor,
  name: PackageName,
  { publicKey: keyText, previous, at, signature, newKeySignature }: KeyAddition,
): Promise<void> {
  const { user, origin } = actor;
  const publicKey = readPublicKey(keyText, "/publicKey");
  const now = clock();
  await db.write(async (session) => {
    const changed = await lockNamedPackage(session, name);
    await requireOwner(session, changed, actor.user.id);
    const trusted = await keysForChange(session, changed, { previous, at }, now);
    const last = await lastKeyLeaf(session, changed.id);
    const known = requireAddable(trusted, publicKey, last.seq);
    const change = { name, action: "add", publicKey, previous, at } as const;
    const statement = statementAfter(last, change, { log });
    const signed = verifyStatement(statement, signature, activeKeys(trusted), "/signature");
    const signedByNewKey = verifyStatement(statement, newKeySignature, [publicKey], "/newKeySignature");
    const { packageKeys } = session.tables;
    const isKnown = and(eq(packageKeys.packageId, changed.id), eq(packageKeys.publicKey, publicKey));
    if (known !== undefined) await session.query.delete(packageKeys).where(isKnown);
    await session.query
      .insert(packageKeys)
      .values({ packageId: changed.id, publicKey, status: "active", addedAt: now });
    const details = { keyId: keyIdOf(publicKey), publicKey, signedBy: keyIdOf(signed.publicKey) };
    await recordEvent(session, origin, "package_key.added", now, { packageName: name, details });
    const draft = { ...change, by: user.username, signatures: [signed, signedByNewKey] };
    await recordKeyChange(session, changed, draft, now, { log });
  });
}
