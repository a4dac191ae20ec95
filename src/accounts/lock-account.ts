import { eq } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";

/**
 * Locks the row of an account until the transaction ends, changing nothing in it: what is counted of an account, or
 * first in it, is then counted in turn.
 */
export async function lockAccount({ query, tables: { users } }: DbSession, id: string): Promise<void> {
  await query.update(users).set({ id }).where(eq(users.id, id));
}
