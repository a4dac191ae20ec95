import { and, eq, gt } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { RESET_DELAY_MS } from "../signing/key-statements.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { readPublicKey, verifyStatement } from "../signing/verify-statement.ts";
import { keysForChange, nextStatement, recordKeyChange, type Signed } from "./record-key-change.ts";
import { logUphold, takeUphold } from "./uphold-reset.ts";

/** The limit of one package over all its owners. Each reset is a leaf that is kept for ever. */
const RESETS_PER_DAY = 10;
const DAY_MS = 24 * 60 * 60_000;

/** A key that is to replace all others. It signs the change itself. */
export interface KeyReset extends Signed {
  readonly publicKey: string;
  readonly newKeySignature: string;
}

/**
 * Requests a key that replaces all others, for an owner whose keys are lost. The reset is public
 * immediately and takes effect after `RESET_DELAY_MS`. An administrator may have upheld it before.
 * Throws `package_not_found`, `not_an_owner`, `reset_pending`, `key_exists`, `limit_reached`,
 * `key_change_outdated` or `signature_invalid`.
 */
export async function requestReset(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  actor: SessionActor,
  name: PackageName,
  { publicKey: keyText, previous, at, newKeySignature }: KeyReset,
): Promise<void> {
  const { user, origin } = actor;
  const publicKey = readPublicKey(keyText, "/publicKey");
  const now = clock();
  const effectiveAt = new Date(at.getTime() + RESET_DELAY_MS);
  await db.write(async (session) => {
    const changed = await lockNamedPackage(session, name);
    await requireOwner(session, changed, actor.user.id);
    const { keys, reset } = await keysForChange(session, changed, { previous, at }, now);
    if (reset !== undefined) {
      throw failure({ code: "reset_pending", name, effectiveAt: reset.effectiveAt.toISOString() });
    }
    if (keys.some((key) => key.publicKey === publicKey && key.status !== "superseded")) {
      throw failure({ code: "key_exists", reason: "The package has this key already, or the key is compromised." });
    }
    await requireRoom(session, changed.id, now);
    const change = { name, action: "reset", publicKey, previous, at } as const;
    const statement = await nextStatement(session, changed, change, { log });
    const signed = verifyStatement(statement, newKeySignature, [publicKey], "/newKeySignature");
    const { packageKeyResets } = session.tables;
    const upheldBy = await takeUphold(session, changed, now);
    const row = { packageId: changed.id, publicKey, requestedBy: user.username, requestedAt: now, effectiveAt };
    await session.query.insert(packageKeyResets).values({ ...row, upheld: upheldBy !== undefined });
    const details = { keyId: keyIdOf(publicKey), publicKey, effectiveAt: effectiveAt.toISOString(), upheldBy };
    await recordEvent(session, origin, "package_key.reset_requested", now, { packageName: name, details });
    await recordKeyChange(session, changed, { ...change, by: user.username, signatures: [signed] }, now, { log });
    if (upheldBy !== undefined) await logUphold(session, changed, { publicKey, by: upheldBy }, now, { log });
  });
}

async function requireRoom({ query, tables }: DbSession, packageId: number, now: Date): Promise<void> {
  const { packageKeyChanges } = tables;
  const { action, at } = packageKeyChanges;
  const isRecent = and(eq(action, "reset"), gt(at, new Date(now.getTime() - DAY_MS)));
  const recent = await query.$count(packageKeyChanges, and(eq(packageKeyChanges.packageId, packageId), isRecent));
  if (recent < RESETS_PER_DAY) return;
  const what = "resets of a package a day";
  throw failure({
    code: "limit_reached",
    what,
    max: RESETS_PER_DAY,
    advice: "wait until the first of them is a day old",
  });
}
