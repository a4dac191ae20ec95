import { and, eq, gt, isNull, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { statement, valueFor } from "../db/statement.ts";
import type { Deps } from "../deps.ts";
import { type Failure, failure } from "../errors.ts";
import type { Actor, Guard } from "./actor.ts";
import { sessionById } from "./credentials.ts";
import { lockAccount } from "./lock-account.ts";
import type { UserRow } from "./user.ts";

type Account = Pick<UserRow, "disabledAt" | "role">;

const accountOfToken = statement<{ id: string; now: Date }, Account>(({ query, tables: { apiTokens, users } }) =>
  query
    .select({ disabledAt: users.disabledAt, role: users.role })
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

/** Finds the account of an actor whose token or session exists and has not expired. */
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
 * undefined if the token or session is still valid. Batches use it: one bad credential must not
 * fail the others.
 */
export async function credentialFault(session: DbSession, actor: Actor, now: Date): Promise<Failure | undefined> {
  return faultOfAccount(await liveAccount(session, actor, now));
}

function faultOfAccount(account: Account | undefined): Failure | undefined {
  if (account === undefined) {
    const reason = "This token expired or was revoked during the request. Log in again, or create a new API token.";
    return failure({ code: "unauthenticated", reason });
  }
  return account.disabledAt === null ? undefined : failure({ code: "account_disabled" });
}

/**
 * Returns a database for the writes of one request. Each transaction first locks the actor's
 * account and checks the credential again, and the role if the route needs one. Every route with a
 * credential writes through it. Publishing does the same for batches (publish/facts.ts).
 *
 * A body takes as long as its sender likes, and meanwhile the credential may have been revoked: a
 * stolen token must not act minutes after that. The lock serialises a write with whatever ends the
 * credential. So the write either comes first and is seen by it, or comes second and is refused.
 * Accounts are locked before packages everywhere.
 *
 * Transactions throw `unauthenticated`, `account_disabled` or `admin_only`.
 */
export function databaseOf({ db, clock }: Pick<Deps, "db" | "clock">, actor: Actor, guard: Guard): Database {
  return {
    kind: db.kind,
    condition: db.condition,
    invalidations: db.invalidations,
    read: (work) => db.read(work),
    write: (work) =>
      db.write(async (session) => {
        await lockAccount(session, actor.user.id);
        await requireStill(session, actor, guard, clock());
        return work(session);
      }),
    load: () => db.load(),
    watch: () => db.watch(),
    close: () => db.close(),
  };
}

async function requireStill(session: DbSession, actor: Actor, guard: Guard, now: Date): Promise<void> {
  const account = await liveAccount(session, actor, now);
  const fault = faultOfAccount(account);
  if (fault !== undefined) throw fault;
  if (guard === "admin" && account?.role !== "admin") throw failure({ code: "admin_only" });
}
