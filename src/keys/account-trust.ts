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
 * Whether an account may publish with a key: `trusted` when it is one of its keys, `first_use` when the account never
 * had a key. Retired keys count as had: otherwise whoever steals a token of an account that retired its key could
 * bring one of his own. Throws `key_not_trusted`.
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
    const reason = "Your account has keys, and this is none of them: register it first, with POST /api/auth/keys.";
    throw failure({ code: "key_not_trusted", reason });
  }
  if (known.retiredAt === null) return "trusted";
  throw failure({ code: "key_not_trusted", reason: "This key of your account is retired: publish with another." });
}

/**
 * Registers the key of an account's first publish. The caller holds the account's lock and found `first_use` under it: of
 * two first publishes at the same time with two keys, the second finds the key of the first.
 */
export async function registerFirstKey(session: DbSession, { user, origin }: Actor, publicKey: string, now: Date) {
  await session.query
    .insert(session.tables.accountKeys)
    .values({ userId: user.id, publicKey, label: "first publish", createdAt: now, retiredAt: null });
  const details = { keyId: keyIdOf(publicKey), publicKey, firstUse: true };
  await recordEvent(session, origin, "key.registered", now, { details });
}
