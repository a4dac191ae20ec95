import { and, eq, lt, or } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { registrationStatement } from "../signing/key-statements.ts";
import { readPublicKey } from "../signing/verify-statement.ts";

const CHALLENGE_MS = 10 * 60_000;
const CHALLENGES_MAX = 100;

/** The statement that a key must sign to be registered, and when its nonce expires. */
export interface KeyChallenge {
  readonly nonce: string;
  readonly statement: string;
  readonly expiresAt: string;
}

/**
 * Returns the statement that registers a key. It names the registry by the origin of its public URL
 * (RFC 6454).
 */
export function statementFor(publicUrl: string, username: string, publicKey: string, nonce: string): string {
  return registrationStatement({ registry: new URL(publicUrl).origin, username, publicKey, nonce });
}

/**
 * Issues a single-use nonce to register a key. Throws `signature_invalid` for a malformed key, or
 * `limit_reached`.
 */
export async function challengeKey(
  { db, clock, config }: Pick<Deps, "db" | "clock" | "config">,
  { user }: SessionActor,
  keyText: string,
): Promise<KeyChallenge> {
  const publicKey = readPublicKey(keyText, "/publicKey");
  const now = clock();
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("hex");
  const expiresAt = new Date(now.getTime() + CHALLENGE_MS);
  await db.write(async ({ query, tables: { keyChallenges } }) => {
    const isMine = eq(keyChallenges.userId, user.id);
    const isReplaced = or(eq(keyChallenges.publicKey, publicKey), lt(keyChallenges.expiresAt, now));
    await query.delete(keyChallenges).where(and(isMine, isReplaced));
    if ((await query.$count(keyChallenges, isMine)) >= CHALLENGES_MAX) {
      throw failure({ code: "limit_reached", what: "open nonces of one account", max: CHALLENGES_MAX });
    }
    await query.insert(keyChallenges).values({ nonce, userId: user.id, publicKey, expiresAt });
  });
  const statement = statementFor(config.publicUrl, user.username, publicKey, nonce);
  return { nonce, statement, expiresAt: expiresAt.toISOString() };
}
