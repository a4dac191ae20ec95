import { and, eq } from "drizzle-orm";
import { isId } from "../accounts/account-id.ts";
import type { DbSession } from "../db/database.ts";
import { failure } from "../errors.ts";
import type { WebhookRow } from "./webhook-view.ts";

/** The longest part of an ID in an address that a message repeats. */
const ID_SHOWN_MAX_CHARS = 64;

/** Finds a webhook of an account. Throws `webhook_not_found`, also for those of other accounts. */
export async function findWebhook(
  { query, tables: { webhooks } }: DbSession,
  userId: string,
  id: string,
): Promise<WebhookRow> {
  const isMine = and(eq(webhooks.id, id), eq(webhooks.userId, userId));
  const [row] = isId(id) ? await query.select().from(webhooks).where(isMine) : [];
  if (row === undefined) throw failure({ code: "webhook_not_found", id: id.slice(0, ID_SHOWN_MAX_CHARS) });
  return row;
}
