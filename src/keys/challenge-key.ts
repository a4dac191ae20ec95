import { and, eq, lt, or } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { registrationStatement } from "../signing/key-statements.ts";
import { readPublicKey } from "../signing/verify-statement.ts";

const CHALLENGE_MS = 10 * 60_000;
const CHALLENGES_MAX = 100;

/** What a key must sign to be registered, and until when. */
export interface KeyChallenge {
  readonly nonce: string;
  readonly statement: string;
  readonly expiresAt: string;
}

/** The statement that registers a key at this registry; its origin is that of the public address (RFC 6454). */
export function statementFor(publicUrl: string, username: string, publicKey: string, nonce: string): string {
  return registrationStatement({ registry: new URL(publicUrl).origin, username, publicKey, nonce });
}

/** Hands out a nonce for registering a key, good once. Throws `signature_invalid` for what is no key, or `limit_reached`. */
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
      throw failure({ code: "limit_reached", what: "nonces at a time", max: CHALLENGES_MAX });
    }
    await query.insert(keyChallenges).values({ nonce, userId: user.id, publicKey, expiresAt });
  });
  const statement = statementFor(config.publicUrl, user.username, publicKey, nonce);
  return { nonce, statement, expiresAt: expiresAt.toISOString() };
}
