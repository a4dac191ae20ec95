import { asc, desc, isNull } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { EVENT_ID_GAP } from "../db/event-id-gap.ts";

/**
 * Returns how many events the working webhook furthest behind has not come to. It is the distance
 * of IDs, which may be a little more than the number of events, because counting takes too long.
 */
export async function readWebhookBacklog({ query, tables: { events, webhooks } }: DbSession): Promise<number> {
  const [behind] = await query
    .select({ id: webhooks.lastEventId })
    .from(webhooks)
    .where(isNull(webhooks.disabledAt))
    .orderBy(asc(webhooks.lastEventId))
    .limit(1);
  if (behind === undefined) return 0;
  const [newest] = await query.select({ id: events.id }).from(events).orderBy(desc(events.id)).limit(1);
  // Ids that a restored database left out are no events.
  return Math.max(0, (newest?.id ?? 0) - behind.id) % EVENT_ID_GAP;
}
