import { eq, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { change } from "../db/statement.ts";

/** How much a registry holds, or how much it got. `storageBytes` is the size of all archives. */
export type Holdings = { readonly packages: number; readonly versions: number; readonly storageBytes: number };

const addHoldings = change<Holdings>(({ query, tables: { registryTotals } }) =>
  query
    .update(registryTotals)
    .set({
      packages: sql`${registryTotals.packages} + ${sql.placeholder("packages")}`,
      versions: sql`${registryTotals.versions} + ${sql.placeholder("versions")}`,
      storageBytes: sql`${registryTotals.storageBytes} + ${sql.placeholder("storageBytes")}`,
    })
    .where(eq(registryTotals.id, 1)),
);

/**
 * Adds to what the registry holds, in the transaction that inserts versions or removes them. Call it
 * last, with the log locked: every publish writes this one row.
 */
export async function addToTotals(session: DbSession, more: Holdings): Promise<void> {
  await addHoldings(session, more);
}

/**
 * Returns how much the registry holds. The numbers are kept with each publish, because counting a
 * million rows takes too long.
 */
export async function readTotals({ query, tables: { registryTotals } }: DbSession): Promise<Holdings> {
  const [row] = await query.select().from(registryTotals).where(eq(registryTotals.id, 1));
  return row ?? { packages: 0, versions: 0, storageBytes: 0 };
}
