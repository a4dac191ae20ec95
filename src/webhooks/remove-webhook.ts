import { eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { findWebhook } from "./find-webhook.ts";

/**
 * Removes a webhook: nothing more is sent, but for a delivery that is in flight. Returns the host of
 * its address. Throws `webhook_not_found`.
 */
export async function removeWebhook(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, origin }: SessionActor,
  id: string,
): Promise<{ readonly host: string }> {
  return db.write(async (session) => {
    const { url } = await findWebhook(session, user.id, id);
    const { webhooks } = session.tables;
    await session.query.delete(webhooks).where(eq(webhooks.id, id));
    const { host } = new URL(url);
    await recordEvent(session, origin, "webhook.removed", clock(), { details: { id, host } });
    return { host };
  });
}
