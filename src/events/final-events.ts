import { type SQL, sql } from "drizzle-orm";
import type { Database, Tables } from "../db/database.ts";

/*
 * The one difference between the databases. On Postgres a transaction that took a lower id may commit after one that
 * took a higher, and so may one that took a lower transaction number. But below the lowest number that is still running
 * nothing is to come: ordered by number, then id, what is final only grows at its end. On SQLite there is one writer,
 * and every number is 0.
 */

/** True of events before which no other can appear any more, in the order of transaction and id. Undefined: of all. */
export function areFinal(kind: Database["kind"], { transactionId }: Tables["events"]): SQL | undefined {
  return kind === "sqlite" ? undefined : sql`${transactionId} < txid_snapshot_xmin(txid_current_snapshot())`;
}
