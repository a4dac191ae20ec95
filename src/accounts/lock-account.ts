import { eq, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { lockingStatement } from "../db/statement.ts";

const lockUser = lockingStatement<{ id: string }, { id: string }>(({ query, tables: { users } }) =>
  query
    .select({ id: users.id })
    .from(users)
    .where(eq(users.id, sql.placeholder("id"))),
);

/**
 * Locks the row of an account until the transaction ends, changing nothing in it: what is counted of an account, or
 * first in it, is then counted in turn.
 */
export async function lockAccount(session: DbSession, id: string): Promise<void> {
  await lockUser(session, { id });
}
