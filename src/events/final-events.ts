import { type SQL, sql } from "drizzle-orm";
import type { Database, Tables } from "../db/database.ts";

/*
 * The order of events is the one difference between the databases. On Postgres a transaction may
 * commit after another one although its event IDs or its transaction ID are lower. But no event can
 * appear any more below the lowest transaction ID that is still running. Ordered by transaction ID,
 * then event ID, the final events therefore grow only at their end. SQLite has one writer, and
 * every transaction ID is 0.
 */

/**
 * Makes the condition that no other event can appear before an event, in the order of transaction
 * ID and event ID. Undefined if that is true of all events.
 */
export function areFinal(kind: Database["kind"], { transactionId }: Tables["events"]): SQL | undefined {
  return kind === "sqlite" ? undefined : sql`${transactionId} < txid_snapshot_xmin(txid_current_snapshot())`;
}
