import type { Dialect } from "../dialect.ts";
import type { Json } from "../json.ts";

/**
 * Declares events: one row for every change of state, written in the transaction that made it
 * (audit/record-event.ts).
 */
export function eventTables(d: Dialect) {
  const events = d.table(
    "events",
    {
      id: d.identity("id"),
      /** The transaction on Postgres, whose ids can become visible out of order; 0 on SQLite. */
      transactionId: d.count("transaction_id").notNull().default(d.transactionId),
      at: d.instant("at").notNull(),
      kind: d.text("kind").notNull(),
      userId: d.text("user_id"),
      username: d.text("username"),
      address: d.text("address"),
      tokenId: d.text("token_id"),
      packageName: d.text("package_name"),
      version: d.text("version"),
      details: d.json("details").$type<Json>().notNull(),
    },
    (t) => [
      d.index("events_order_idx").on(t.transactionId, t.id),
      d.index("events_package_idx").on(t.packageName, t.transactionId, t.id),
    ],
  );
  return { events };
}
