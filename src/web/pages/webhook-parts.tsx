/** @jsxImportSource preact */
import type { WebhookView } from "../../webhooks/webhook-view.ts";
import { countText, Moment, sentence } from "./texts.tsx";

interface OfWebhook {
  readonly webhook: WebhookView;
}

/** Returns the address of the page of a webhook, below the root of the registry. */
export function webhookPath(id: string): string {
  return `account/webhooks/${encodeURIComponent(id)}`;
}

/** Which events a webhook sends, of which packages. */
export function Filters({ webhook: { events, packages } }: OfWebhook) {
  return (
    <>
      {events.includes("*") ? "all events" : events.join(", ")}
      <p class="hint">{packages.includes("*") ? "of all packages" : `of ${packages.join(", ")}`}</p>
    </>
  );
}

/** Why something was not delivered, as a sentence. */
export function reasonText(reason: string): string {
  return sentence(reason.charAt(0).toUpperCase() + reason.slice(1));
}

/** Whether a webhook works, and why not. */
export function StateText({ webhook }: OfWebhook) {
  const { state, disabledReason, failures, nextAttemptAt } = webhook;
  if (state === "active") return <span class="badge">active</span>;
  if (state === "disabled") {
    return (
      <>
        <span class="badge bad">disabled</span>
        <p class="hint">{reasonText(disabledReason ?? "")}</p>
      </>
    );
  }
  return (
    <>
      <span class="badge warn">retrying</span>
      <p class="hint">
        The next event failed {countText(failures, "time")}
        {nextAttemptAt === null ? (
          "."
        ) : (
          <>
            ; next try at <Moment at={nextAttemptAt} />.
          </>
        )}
      </p>
    </>
  );
}
