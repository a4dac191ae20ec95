import { eq, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { lockingStatement } from "../db/statement.ts";
import { loadUser } from "./load-user.ts";
import type { UserRow } from "./user.ts";

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

/** Finds an account by its user name and locks it. Throws `user_not_found`. */
export async function loadLockedUser(session: DbSession, username: string): Promise<UserRow> {
  const { id } = await loadUser(session, username);
  await lockAccount(session, id);
  // Again, because it may have changed while this waited for the lock.
  return loadUser(session, username);
}

/**
 * Locks an account like `lockAccount` but without waiting, for a batch, which must not wait for one
 * of its accounts. Returns false if another transaction holds the lock.
 */
export async function tryLockAccount(session: DbSession, id: string): Promise<boolean> {
  return (await tryLockUser(session, { id })).length > 0;
}
