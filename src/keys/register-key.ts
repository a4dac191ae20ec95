import { and, eq, gt, isNull } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { keyIdOf } from "../signing/verify-archive.ts";
import { readPublicKey, verifyStatement } from "../signing/verify-statement.ts";
import { statementFor } from "./challenge-key.ts";
import { type KeyView, keyView } from "./key-view.ts";

const KEYS_MAX = 100;

/** Includes retired keys, which are kept for ever. */
const KEYS_EVER_MAX = 200;

/** A key and the proof that the sender has the private key. */
export interface KeyRegistration {
  readonly publicKey: string;
  readonly nonce: string;
  readonly signature: string;
  readonly label: string;
}

/**
 * Adds a signing key to an account. Throws `nonce_invalid`, `signature_invalid` or `limit_reached`.
 * Throws `key_exists` for a key that the account has or had: a retired key cannot be registered
 * again.
 */
export async function registerKey(
  { db, clock, config }: Pick<Deps, "db" | "clock" | "config">,
  { user, origin }: SessionActor,
  { publicKey: keyText, nonce, signature, label }: KeyRegistration,
): Promise<KeyView> {
  const publicKey = readPublicKey(keyText, "/publicKey");
  const statement = statementFor(config.publicUrl, user.username, publicKey, nonce);
  verifyStatement(statement, signature, [publicKey], "/signature");
  const now = clock();
  return db.write(async (session) => {
    await useNonce(session, user.id, publicKey, nonce, now);
    await requireRoom(session, user.id);
    const { accountKeys } = session.tables;
    const [made] = await session.query
      .insert(accountKeys)
      .values({ userId: user.id, publicKey, label, createdAt: now, retiredAt: null })
      .onConflictDoNothing()
      .returning();
    if (made === undefined) throw failure({ code: "key_exists", reason: await existing(session, user.id, publicKey) });
    await recordEvent(session, origin, "key.registered", now, { details: { keyId: keyIdOf(publicKey), publicKey } });
    return keyView(made);
  });
}

async function useNonce({ query, tables }: DbSession, userId: string, publicKey: string, nonce: string, now: Date) {
  const { keyChallenges } = tables;
  const isIssued = and(
    eq(keyChallenges.nonce, nonce),
    eq(keyChallenges.userId, userId),
    eq(keyChallenges.publicKey, publicKey),
    gt(keyChallenges.expiresAt, now),
  );
  const used = await query.delete(keyChallenges).where(isIssued).returning();
  if (used.length === 0) throw failure({ code: "nonce_invalid" });
}

async function requireRoom(session: DbSession, userId: string): Promise<void> {
  const { query, tables } = session;
  const { accountKeys } = tables;
  const isTheirs = eq(accountKeys.userId, userId);
  const active = await query.$count(accountKeys, and(isTheirs, isNull(accountKeys.retiredAt)));
  if (active >= KEYS_MAX) throw failure({ code: "limit_reached", what: "keys of one account", max: KEYS_MAX });
  if ((await query.$count(accountKeys, isTheirs)) < KEYS_EVER_MAX) return;
  const advice = "publish with a key that is not retired";
  throw failure({
    code: "limit_reached",
    what: "keys of one account, including retired ones",
    max: KEYS_EVER_MAX,
    advice,
  });
}

async function existing({ query, tables: { accountKeys } }: DbSession, userId: string, publicKey: string) {
  const [row] = await query
    .select()
    .from(accountKeys)
    .where(and(eq(accountKeys.userId, userId), eq(accountKeys.publicKey, publicKey)));
  if (row === undefined || row.retiredAt === null) return "Your account has this key already.";
  return "This key is retired and cannot be registered again. Make a new one.";
}
