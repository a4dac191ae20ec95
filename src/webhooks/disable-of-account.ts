import { and, eq, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { disable } from "./turns.ts";

/** A webhook that was disabled, without the path of its address, which may contain a secret. */
export interface DisabledWebhook {
  readonly id: string;
  readonly host: string;
}

/**
 * Disables the webhooks of an account that is evicted: a thief may have made them. Returns those
 * that worked until now. The account's replay of one makes it work again.
 */
export async function disableWebhooksOf(session: DbSession, userId: string, now: Date): Promise<DisabledWebhook[]> {
  const { webhooks } = session.tables;
  const found = await session.query
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.userId, userId), isNull(webhooks.disabledAt)));
  for (const webhook of found) {
    await disable(session, webhook, "the credentials of its account were ended. Check that it is yours", now);
  }
  return found.map(({ id, url }) => ({ id, host: new URL(url).host }));
}
