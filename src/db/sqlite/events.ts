import { index, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Json } from "../json.ts";
import { count, identity, instant, json } from "./columns.ts";

/** Every change of state, in the transaction that made it: see events/record-event.ts. */
export const events = sqliteTable(
  "events",
  {
    id: identity("id"),
    /** Of Postgres, whose ids can become visible out of order; 0 on SQLite. */
    transactionId: count("transaction_id").notNull().default(0),
    at: instant("at").notNull(),
    kind: text("kind").notNull(),
    userId: text("user_id"),
    username: text("username"),
    address: text("address"),
    tokenId: text("token_id"),
    packageName: text("package_name"),
    version: text("version"),
    details: json("details").$type<Json>().notNull(),
  },
  (t) => [
    index("events_order_idx").on(t.transactionId, t.id),
    index("events_package_idx").on(t.packageName, t.transactionId, t.id),
  ],
);
