import { eq, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { lockingStatement } from "../db/statement.ts";

function byId({ query, tables: { users } }: Pick<DbSession, "query" | "tables">) {
  return query
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, sql.placeholder("id")));
}

const lockUser = lockingStatement<{ id: string }, { id: string }>(byId);
const tryLockUser = lockingStatement<{ id: string }, { id: string }>(byId, "skip");

/**
 * Locks the row of an account until the transaction ends, without changing it. The lock serialises
 * quota checks and first-key registration of the account.
 */
export async function lockAccount(session: DbSession, id: string): Promise<void> {
  await lockUser(session, { id });
}

/**
 * Locks an account like `lockAccount` but without waiting, for callers that work for other accounts
 * too. Returns false if another transaction holds the lock.
 */
export async function tryLockAccount(session: DbSession, id: string): Promise<boolean> {
  return (await tryLockUser(session, { id })).length > 0;
}
