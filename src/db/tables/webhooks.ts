import type { Dialect } from "../dialect.ts";
import { type UsersTable, userIdColumn } from "./accounts.ts";

/** Declares webhooks, how far each has got in the events, and what was sent last. */
export function webhookTables(d: Dialect, users: UsersTable) {
  const webhooks = d.table(
    "webhooks",
    {
      id: d.text("id").primaryKey(),
      userId: userIdColumn(d, users),
      url: d.text("url").notNull(),
      /** Kinds of events, and patterns such as `version.*` and `*`. */
      kinds: d.json("kinds").$type<string[]>().notNull(),
      /** Names of packages, and patterns such as `foo-*` and `*`. */
      packages: d.json("packages").$type<string[]>().notNull(),
      /** The secret, encrypted with a key that is not in the database: see webhooks/secret.ts. */
      sealedSecret: d.text("sealed_secret").notNull(),
      createdAt: d.instant("created_at").notNull(),
      /** The last event that was delivered or passed over, in the order of the feed. */
      lastEventId: d.count("last_event_id").notNull(),
      /** How often the next event was tried in vain. */
      failures: d.count("failures").notNull(),
      nextAttemptAt: d.instant("next_attempt_at"),
      /** The process whose turn it is to deliver; null between turns. */
      leaseHolder: d.text("lease_holder"),
      /** When the turn of the holder ends if it does not extend it; between turns, when it ended. */
      leaseUntil: d.instant("lease_until").notNull(),
      disabledAt: d.instant("disabled_at"),
      disabledReason: d.text("disabled_reason"),
    },
    (t) => [d.index("webhooks_user_idx").on(t.userId)],
  );
  const webhookDeliveries = d.table(
    "webhook_deliveries",
    {
      id: d.identity("id"),
      webhookId: d
        .text("webhook_id")
        .notNull()
        .references(() => webhooks.id, { onDelete: "cascade" }),
      /** Null for a test. */
      eventId: d.count("event_id"),
      kind: d.text("kind").notNull(),
      at: d.instant("at").notNull(),
      attempt: d.count("attempt").notNull(),
      outcome: d.text("outcome", { enum: ["delivered", "failed", "refused"] }).notNull(),
      /** The HTTP status; null if there was no answer. */
      status: d.count("status"),
      /** Why it was not delivered, in words of this program. */
      reason: d.text("reason"),
      durationMs: d.count("duration_ms").notNull(),
    },
    (t) => [d.index("webhook_deliveries_webhook_idx").on(t.webhookId, t.id)],
  );
  return { webhooks, webhookDeliveries };
}
