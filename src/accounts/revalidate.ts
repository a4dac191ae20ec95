import { and, eq, gt, isNull, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { statement, valueFor } from "../db/statement.ts";
import { type Failure, failure } from "../errors.ts";
import type { Actor } from "./actor.ts";
import { sessionById } from "./credentials.ts";
import type { UserRow } from "./user.ts";

type Account = Pick<UserRow, "disabledAt">;

const accountOfToken = statement<{ id: string; now: Date }, Account>(({ query, tables: { apiTokens, users } }) =>
  query
    .select({ disabledAt: users.disabledAt })
    .from(users)
    .innerJoin(apiTokens, eq(apiTokens.userId, users.id))
    .where(
      and(
        eq(apiTokens.id, sql.placeholder("id")),
        isNull(apiTokens.revokedAt),
        gt(apiTokens.expiresAt, valueFor(apiTokens.expiresAt, "now")),
      ),
    ),
);

/** Finds the account of an actor whose token or session has not ended. */
async function liveAccount(
  session: DbSession,
  { user, sessionId, token }: Actor,
  now: Date,
): Promise<Account | undefined> {
  if (token !== undefined) return (await accountOfToken(session, { id: token.id, now }))[0];
  return (await sessionById(session, { id: sessionId ?? "", userId: user.id, now }))[0]?.user;
}

/**
 * Returns why an actor may no longer act: `unauthenticated` or `account_disabled`. Returns
 * undefined if the token or session is still valid. This is for callers that must not throw,
 * because they work for other actors too.
 */
export async function credentialFault(session: DbSession, actor: Actor, now: Date): Promise<Failure | undefined> {
  const account = await liveAccount(session, actor, now);
  if (account === undefined) {
    const reason = "This token expired or was revoked during the request. Log in again, or create a new API token.";
    return failure({ code: "unauthenticated", reason });
  }
  return account.disabledAt === null ? undefined : failure({ code: "account_disabled" });
}

/**
 * Checks the credential of an actor again, inside a transaction. An upload takes as long as its
 * sender likes, and the credential may have been revoked since it was checked. A stolen token must
 * not publish minutes after it was revoked. Throws `unauthenticated` or `account_disabled`.
 */
export async function revalidateActor(session: DbSession, actor: Actor, now: Date): Promise<void> {
  const fault = await credentialFault(session, actor, now);
  if (fault !== undefined) throw fault;
}
