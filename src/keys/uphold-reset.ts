import { eq } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { lockNamedPackage } from "../packages/find-package.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { applyDueReset, type KeyedPackage } from "./package-trust.ts";
import { lastKeyLeaf, nameInLeaf, recordKeyChange } from "./record-key-change.ts";

/** How long an administrator's decision stays valid for a reset that nobody has requested yet. */
const WAITS_MS = 7 * 24 * 60 * 60_000;

/**
 * What an administrator upheld: the pending reset, or the next one that an owner requests in time.
 */
export interface Upheld {
  readonly name: string;
  readonly reset: { readonly publicKey: string; readonly effectiveAt: string } | null;
  /** Until when the next reset is upheld. Null if one is pending. */
  readonly waitsUntil: string | null;
}

/**
 * Upholds the reset of a package against keys: only owners and administrators can cancel it from
 * then on. It is for a former owner whose key cancels every reset. A program may cancel each reset
 * at once. So if none is pending, the next one that an owner requests within seven days is upheld.
 *
 * Nobody signs it. An operator could refuse the cancels of keys anyway; the event and the leaf make
 * it public. Safe to repeat. Throws `package_not_found` or `log_rollback`.
 */
export async function upholdReset(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  origin: Origin,
  name: PackageName,
): Promise<Upheld> {
  const now = clock();
  return db.write(async (session) => {
    const changed = await lockNamedPackage(session, name);
    const { reset } = await applyDueReset(session, changed, now);
    if (reset === undefined) return upholdNext(session, changed, origin, now);
    const { publicKey, effectiveAt } = reset;
    if (!reset.upheld) {
      await markUpheld(session, changed, publicKey, origin, now);
      await logUphold(session, changed, { publicKey, by: nameInLeaf(origin) }, now, { log });
    }
    return { name, reset: { publicKey, effectiveAt: effectiveAt.toISOString() }, waitsUntil: null };
  });
}

async function upholdNext(session: DbSession, { id, name }: KeyedPackage, origin: Origin, now: Date): Promise<Upheld> {
  const { keyResetUpholds } = session.tables;
  const [byUsername, at] = [nameInLeaf(origin), now];
  await session.query
    .insert(keyResetUpholds)
    .values({ packageId: id, byUsername, at })
    .onConflictDoUpdate({ target: keyResetUpholds.packageId, set: { byUsername, at } });
  const waitsUntil = new Date(now.getTime() + WAITS_MS).toISOString();
  await recordEvent(session, origin, "package_key.reset_upheld", now, { packageName: name, details: { waitsUntil } });
  return { name, reset: null, waitsUntil };
}

async function markUpheld(session: DbSession, { id, name }: KeyedPackage, publicKey: string, by: Origin, now: Date) {
  const { packageKeyResets } = session.tables;
  await session.query.update(packageKeyResets).set({ upheld: true }).where(eq(packageKeyResets.packageId, id));
  const details = { keyId: keyIdOf(publicKey), publicKey };
  await recordEvent(session, by, "package_key.reset_upheld", now, { packageName: name, details });
}

/**
 * Uses up an administrator's decision to uphold the next reset of a locked package. Returns the
 * administrator's name in the log. Returns undefined if there is no decision, or if it has expired.
 */
export async function takeUphold(session: DbSession, { id }: KeyedPackage, now: Date): Promise<string | undefined> {
  const { keyResetUpholds } = session.tables;
  const [word] = await session.query.delete(keyResetUpholds).where(eq(keyResetUpholds.packageId, id)).returning();
  return word !== undefined && now.getTime() < word.at.getTime() + WAITS_MS ? word.byUsername : undefined;
}

/** Logs that a reset is upheld. Call it last, because the log is locked from here on. */
export async function logUphold(
  session: DbSession,
  changed: KeyedPackage,
  { publicKey, by }: { readonly publicKey: string; readonly by: string },
  now: Date,
  deps: Pick<Deps, "log">,
): Promise<void> {
  const { sha256: previous } = await lastKeyLeaf(session, changed.id);
  const draft = { name: changed.name, action: "uphold", publicKey, previous, at: now, by, signatures: [] } as const;
  await recordKeyChange(session, changed, draft, now, deps);
}
