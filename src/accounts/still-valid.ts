import { and, eq, gt, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { failure } from "../errors.ts";
import type { Actor } from "./actor.ts";

/** The account of an actor whose token or session has not ended, or none. */
function liveAccount({ query, tables }: DbSession, { user, sessionId, token }: Actor, now: Date) {
  const { apiTokens, sessions, users } = tables;
  const account = query.select({ disabledAt: users.disabledAt }).from(users);
  if (token !== undefined) {
    return account
      .innerJoin(apiTokens, eq(apiTokens.userId, users.id))
      .where(and(eq(apiTokens.id, token.id), isNull(apiTokens.revokedAt), gt(apiTokens.expiresAt, now)));
  }
  return account
    .innerJoin(sessions, eq(sessions.userId, users.id))
    .where(and(eq(sessions.id, sessionId ?? ""), eq(users.id, user.id), gt(sessions.expiresAt, now)));
}

/**
 * Proves an actor again, inside a transaction: who was proved before a body came in may have been shut out while it
 * did, and an upload takes as long as its sender likes. A stolen token must not publish minutes after it was revoked.
 * Throws `unauthenticated` or `account_disabled`.
 */
export async function requireStillValid(session: DbSession, actor: Actor, now: Date): Promise<void> {
  const [account] = await liveAccount(session, actor, now);
  if (account === undefined) {
    const reason = "This token ended while the request came in; log in again, or make a new API token.";
    throw failure({ code: "unauthenticated", reason });
  }
  if (account.disabledAt !== null) throw failure({ code: "account_disabled" });
}
