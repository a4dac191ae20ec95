import { eq, sql } from "drizzle-orm";
import type { Actor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { DbSession, Tables } from "../db/database.ts";
import { statement } from "../db/statement.ts";
import { failure } from "../errors.ts";
import { keyIdOf } from "../signing/verify-archive.ts";

type KeyRow = Tables["accountKeys"]["$inferSelect"];

const keysOfAccount = statement<{ userId: string }, KeyRow>(({ query, tables: { accountKeys } }) =>
  query
    .select()
    .from(accountKeys)
    .where(eq(accountKeys.userId, sql.placeholder("userId"))),
);

/**
 * Returns whether an account may publish with a key: `trusted` if the key is one of the account's,
 * `first_use` if the account never had a key. Throws `key_not_trusted` otherwise.
 *
 * An account with retired keys only is no `first_use`. Otherwise a thief with a token of that
 * account could bring a key of their own.
 */
export async function accountTrust(
  session: DbSession,
  userId: string,
  publicKey: string,
): Promise<"trusted" | "first_use"> {
  const keys = await keysOfAccount(session, { userId });
  if (keys.length === 0) return "first_use";
  const known = keys.find((key) => key.publicKey === publicKey);
  if (known === undefined) {
    const reason = "Your account has other keys. Register this key first with POST /api/auth/keys.";
    throw failure({ code: "key_not_trusted", reason });
  }
  if (known.retiredAt === null) return "trusted";
  throw failure({ code: "key_not_trusted", reason: "This key of your account is retired. Publish with another one." });
}

/**
 * Registers the key of an account's first publish. The caller must hold the account's lock and have
 * found `first_use` under it. So if two first publishes race with two keys, the second one finds
 * the key of the first.
 */
export async function registerFirstKey(session: DbSession, { user, origin }: Actor, publicKey: string, now: Date) {
  await session.query
    .insert(session.tables.accountKeys)
    .values({ userId: user.id, publicKey, label: "first publish", createdAt: now, retiredAt: null });
  const details = { keyId: keyIdOf(publicKey), publicKey, firstUse: true };
  await recordEvent(session, origin, "key.registered", now, { details });
}
