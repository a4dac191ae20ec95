import type { Tables } from "../db/database.ts";

/** A row of `webhooks`. It has the sealed secret, so it never leaves the process. */
export type WebhookRow = Tables["webhooks"]["$inferSelect"];

/** A webhook as its account sees it, without its secret. */
export interface WebhookView {
  readonly id: string;
  readonly url: string;
  /** Kinds of events, and patterns such as `version.*` and `*`. */
  readonly events: readonly string[];
  /** Names of packages, and patterns such as `foo-*` and `*`. */
  readonly packages: readonly string[];
  readonly createdAt: string;
  /** `retrying` after a delivery failed; `disabled` when nothing is sent until a replay. */
  readonly state: "active" | "retrying" | "disabled";
  /** Why it is disabled; null while it is not. */
  readonly disabledReason: string | null;
  readonly disabledAt: string | null;
  /** How often the next event was tried in vain. */
  readonly failures: number;
  readonly nextAttemptAt: string | null;
  /** The last event that was delivered or passed over. */
  readonly lastEventId: number;
}

/** Makes the view of a webhook. */
export function webhookView(row: WebhookRow): WebhookView {
  const { id, url, kinds, packages, createdAt, failures, nextAttemptAt, disabledAt, disabledReason, lastEventId } = row;
  const working = failures === 0 ? "active" : "retrying";
  return {
    id,
    url,
    events: kinds,
    packages,
    createdAt: createdAt.toISOString(),
    state: disabledAt === null ? working : "disabled",
    disabledReason,
    disabledAt: disabledAt?.toISOString() ?? null,
    failures,
    nextAttemptAt: disabledAt === null ? (nextAttemptAt?.toISOString() ?? null) : null,
    lastEventId,
  };
}

/** A row of `webhook_deliveries`. */
export type DeliveryRow = Tables["webhookDeliveries"]["$inferSelect"];

/** One attempt to deliver, as the account of the webhook sees it. */
export interface DeliveryView {
  readonly at: string;
  /** The ID of the event; null for a test. */
  readonly event: number | null;
  readonly kind: string;
  /** 1 for the first attempt of an event. */
  readonly attempt: number;
  readonly outcome: DeliveryRow["outcome"];
  /** The HTTP status; null if there was no answer. */
  readonly status: number | null;
  readonly reason: string | null;
  readonly durationMs: number;
}

/** Makes the view of an attempt. */
export function deliveryView(row: Omit<DeliveryRow, "id" | "webhookId">): DeliveryView {
  const { at, eventId, kind, attempt, outcome, status, reason, durationMs } = row;
  return { at: at.toISOString(), event: eventId, kind, attempt, outcome, status, reason, durationMs };
}
