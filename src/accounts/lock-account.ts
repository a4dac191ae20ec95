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
 * Locks the row of an account until the transaction ends, changing nothing in it: what is counted
 * of an account, or first in it, is then counted in turn.
 */
export async function lockAccount(session: DbSession, id: string): Promise<void> {
  await lockUser(session, { id });
}

/**
 * `lockAccount` for who works for other accounts too and must wait for none: false where somebody
 * else holds it.
 */
export async function tryLockAccount(session: DbSession, id: string): Promise<boolean> {
  return (await tryLockUser(session, { id })).length > 0;
}
