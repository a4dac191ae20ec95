import { and, eq, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { disable } from "./turns.ts";

/**
 * Disables the webhooks of an account that is evicted: a thief may have made them. Returns how many
 * worked until now. The account's replay of one makes it work again.
 */
export async function disableWebhooksOf(session: DbSession, userId: string, now: Date): Promise<number> {
  const { webhooks } = session.tables;
  const found = await session.query
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.userId, userId), isNull(webhooks.disabledAt)));
  for (const webhook of found) {
    await disable(session, webhook, "the credentials of its account were ended. Check that it is yours", now);
  }
  return found.length;
}
