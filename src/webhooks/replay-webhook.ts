import { eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { findWebhook } from "./find-webhook.ts";
import { eventIdBefore } from "./newest-event.ts";
import { type WebhookView, webhookView } from "./webhook-view.ts";

/**
 * Sends the events since a time again, or without one those that were not delivered yet. A disabled
 * webhook works again. A turn that is running ends, so that it does not move the place back.
 * Throws `webhook_not_found`.
 */
export function replayWebhook(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, origin }: SessionActor,
  id: string,
  since: Date | undefined,
): Promise<WebhookView> {
  return db.write(async (session) => {
    const { webhooks } = session.tables;
    const now = clock();
    const webhook = await findWebhook(session, user.id, id);
    const lastEventId = since === undefined ? webhook.lastEventId : await eventIdBefore(session, since);
    const restarted = {
      ...webhook,
      lastEventId,
      failures: 0,
      nextAttemptAt: null,
      leaseHolder: null,
      disabledAt: null,
      disabledReason: null,
    };
    await session.query.update(webhooks).set(restarted).where(eq(webhooks.id, id));
    const details = { id, host: new URL(webhook.url).host, since: since?.toISOString() ?? null };
    await recordEvent(session, origin, "webhook.replayed", now, { details });
    return webhookView(restarted);
  });
}
