import type { Database } from "../db/database.ts";
import { Failure } from "../errors.ts";
import { addToTotals, countTotals, type Holdings, NO_HOLDINGS, setTotals } from "../metrics/registry-totals.ts";
import { retryUntilAvailable } from "./retry.ts";

/** What the metrics say that the registry holds, and what it does hold. */
export interface WrongTotals {
  readonly kept: Holdings;
  readonly counted: Holdings;
  readonly repaired: boolean;
}

/**
 * The result of a check: `right`, what is wrong, or `unknown` if the database was too slow to count.
 */
export type TotalsCheck = "right" | "unknown" | WrongTotals;

/**
 * Counts what the registry holds, and compares it with the totals of its metrics. With `repair`,
 * wrong totals are set to what was counted. It is safe while servers publish; during a repair their
 * publishes wait for the count.
 */
export async function checkTotals(db: Database, repair: boolean): Promise<TotalsCheck> {
  try {
    return await compareTotals(db, repair);
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "database_unavailable") return "unknown";
    throw cause;
  }
}

async function compareTotals(db: Database, repair: boolean): Promise<TotalsCheck> {
  const found = await retryUntilAvailable(() => db.read(countTotals));
  if (Bun.deepEquals(found.kept, found.counted)) return "right";
  if (!repair) return { ...found, repaired: false };
  const counted = await retryUntilAvailable(() =>
    db.write(async (session) => {
      // This locks the row, which publishes change last. The count then sees every publish that has
      // added to it, and none that is about to.
      await addToTotals(session, NO_HOLDINGS);
      const now = await countTotals(session);
      await setTotals(session, now.counted);
      return now.counted;
    }),
  );
  return { kept: found.kept, counted, repaired: true };
}
