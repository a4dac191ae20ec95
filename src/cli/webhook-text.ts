import { deliveryAdvice } from "../webhooks/delivery-advice.ts";
import type { DeliveryView, WebhookView } from "../webhooks/webhook-view.ts";

const timeText = (at: string) => at.replace(/(?:\.\d+)?Z$/, "Z");

/** Says what a webhook sends, such as `all events` or `version.* of hello-*`. */
export function filterText({ events, packages }: Pick<WebhookView, "events" | "packages">): string {
  const what = events.includes("*") ? "all events" : events.join(", ");
  return packages.includes("*") ? what : `${what} of ${packages.join(", ")}`;
}

/** The headings of the rows of `webhookRow`. */
export const WEBHOOK_HEADINGS = ["ID", "STATE", "ADDRESS", "EVENTS", "PACKAGES", ""] as const;

/** A webhook as a row of a table. */
export function webhookRow(webhook: WebhookView): string[] {
  const { id, state, url, events, packages } = webhook;
  return [id, state, url, events.join(","), packages.join(","), trouble(webhook)];
}

/** Says in a few words why nothing is sent now. Empty for a webhook that works. */
function trouble({ state, disabledReason, failures, nextAttemptAt }: WebhookView): string {
  if (state === "disabled") return disabledReason ?? "";
  if (state === "active") return "";
  const next = nextAttemptAt === null ? "" : `, next at ${timeText(nextAttemptAt)}`;
  return `failed ${failures === 1 ? "once" : `${failures} times`}${next}`;
}

/** The headings of the rows of `deliveryRow`. */
export const DELIVERY_HEADINGS = ["AT", "EVENT", "KIND", "TRY", "OUTCOME", "STATUS", "MS", ""] as const;

/** An attempt as a row of a table. */
export function deliveryRow({ at, event, kind, attempt, outcome, status, durationMs, reason }: DeliveryView): string[] {
  const answered = status === null ? "" : String(status);
  const id = event === null ? "" : String(event);
  return [timeText(at), id, kind, String(attempt), outcome, answered, String(durationMs), reason ?? ""];
}

/** Says how an attempt ended, and in a second line what to do where it failed. */
export function deliveryText(delivery: DeliveryView): string {
  const { outcome, status, reason, durationMs } = delivery;
  if (outcome === "delivered") return `Delivered: the receiver answered ${status} after ${durationMs} ms.`;
  const advice = deliveryAdvice(delivery);
  const what = outcome === "refused" ? "Nothing was sent" : "The receiver did not take the message";
  return `${what}: ${reason ?? "nobody knows why"}.${advice === undefined ? "" : `\n${advice}`}`;
}
