import { and, eq, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";

/** Counts the administrators whose accounts are enabled. */
export function countEnabledAdmins({ query, tables: { users } }: DbSession): Promise<number> {
  return query.$count(users, and(eq(users.role, "admin"), isNull(users.disabledAt)));
}
