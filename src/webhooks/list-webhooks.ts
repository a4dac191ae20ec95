import { asc, desc, eq } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { findWebhook } from "./find-webhook.ts";
import { type DeliveryView, deliveryView, type WebhookView, webhookView } from "./webhook-view.ts";

type ListDeps = Pick<Deps, "db">;

/** Lists the webhooks of an account, the oldest first. */
export async function listWebhooks({ db }: ListDeps, { user }: SessionActor): Promise<WebhookView[]> {
  const rows = await db.read(({ query, tables: { webhooks } }) =>
    query
      .select()
      .from(webhooks)
      .where(eq(webhooks.userId, user.id))
      .orderBy(asc(webhooks.createdAt), asc(webhooks.id)),
  );
  return rows.map(webhookView);
}

/** Returns one webhook of an account. Throws `webhook_not_found`. */
export async function readWebhook({ db }: ListDeps, { user }: SessionActor, id: string): Promise<WebhookView> {
  return webhookView(await db.read((session) => findWebhook(session, user.id, id)));
}

/** Lists the last attempts of a webhook, the newest first. Throws `webhook_not_found`. */
export async function listDeliveries({ db }: ListDeps, { user }: SessionActor, id: string): Promise<DeliveryView[]> {
  const rows = await db.read(async (session) => {
    await findWebhook(session, user.id, id);
    const { webhookDeliveries } = session.tables;
    return session.query
      .select()
      .from(webhookDeliveries)
      .where(eq(webhookDeliveries.webhookId, id))
      .orderBy(desc(webhookDeliveries.id));
  });
  return rows.map(deliveryView);
}
