import { eq, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { change } from "../db/statement.ts";

/** How much a registry holds, or how much it got. `storageBytes` is the size of all archives. */
export type Holdings = { readonly packages: number; readonly versions: number; readonly storageBytes: number };

/** What an empty registry holds. */
export const NO_HOLDINGS: Holdings = { packages: 0, versions: 0, storageBytes: 0 };

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
  return row ?? NO_HOLDINGS;
}

/** One statement, so that both halves are of one moment. */
const COUNT = `SELECT kept.packages, kept.versions, kept.storage_bytes,
    (SELECT count(*) FROM packages), (SELECT count(*) FROM versions),
    (SELECT sum(size) FROM versions WHERE taken_down_at IS NULL)
  FROM (SELECT 1 AS id) AS one LEFT JOIN registry_totals AS kept ON kept.id = one.id`;

/** Returns the totals, and what they should be. It reads every version. */
export async function countTotals(
  session: DbSession,
): Promise<{ readonly kept: Holdings; readonly counted: Holdings }> {
  const [row = []] = await session.values(COUNT, []);
  const holdings = ([packages, versions, storageBytes]: unknown[]) => {
    return { packages: Number(packages), versions: Number(versions), storageBytes: Number(storageBytes) };
  };
  return { kept: holdings(row.slice(0, 3)), counted: holdings(row.slice(3)) };
}

/** Replaces the totals. The transaction has locked them and counted since. */
export async function setTotals({ query, tables: { registryTotals } }: DbSession, holdings: Holdings): Promise<void> {
  await query
    .insert(registryTotals)
    .values({ id: 1, ...holdings })
    .onConflictDoUpdate({ target: registryTotals.id, set: holdings });
}
