import { and, eq, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";

/** How many administrators there are whose accounts are in use. */
export function countEnabledAdmins({ query, tables: { users } }: DbSession): Promise<number> {
  return query.$count(users, and(eq(users.role, "admin"), isNull(users.disabledAt)));
}
