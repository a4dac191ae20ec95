import { and, asc, desc, eq, gte, lt, or } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import { areFinal } from "../events/final-events.ts";

/** Returns the ID of the last event of the feed; 0 if there is none. */
export async function newestEventId({ query, tables: { events } }: DbSession, kind: Database["kind"]): Promise<number> {
  const [newest] = await query
    .select({ id: events.id })
    .from(events)
    .where(areFinal(kind, events))
    .orderBy(desc(events.transactionId), desc(events.id))
    .limit(1);
  return newest?.id ?? 0;
}

/** Transactions end in another order than they begin, but within seconds. */
const DISORDER_MS = 10_000;

/**
 * Returns the ID of the event after which to continue for every event since a time; 0 for the first
 * one. It may lead to a few earlier events too, and never leaves one out. The times of events
 * ascend with their IDs but for a few seconds, so a binary search finds the place. `eventBefore` of
 * the export is exact, and reads all earlier events, for which a server has no time.
 */
export async function eventIdBefore(session: DbSession, since: Date): Promise<number> {
  const { query, tables } = session;
  const { events } = tables;
  const from = new Date(since.getTime() - DISORDER_MS);
  const [last] = await query.select({ id: events.id }).from(events).orderBy(desc(events.id)).limit(1);
  let low = 0;
  let high = last?.id ?? 0;
  // Every event up to `low` is before the time, and every one after `high` is not.
  while (low < high) {
    const middle = Math.floor((low + high) / 2) + 1;
    const [found] = await query
      .select({ id: events.id, at: events.at })
      .from(events)
      .where(gte(events.id, middle))
      .orderBy(asc(events.id))
      .limit(1);
    if (found !== undefined && found.at < from) low = found.id;
    else high = middle - 1;
  }
  const [first] = await query
    .select()
    .from(events)
    .where(gte(events.id, low + 1))
    .orderBy(asc(events.id))
    .limit(1);
  if (first === undefined) return low;
  return predecessorOf(session, first);
}

/** The event before another in the order of the feed, which is not that of the IDs. */
async function predecessorOf(
  { query, tables: { events } }: DbSession,
  { id, transactionId }: { readonly id: number; readonly transactionId: number },
): Promise<number> {
  const isEarlier = or(
    lt(events.transactionId, transactionId),
    and(eq(events.transactionId, transactionId), lt(events.id, id)),
  );
  const [before] = await query
    .select({ id: events.id })
    .from(events)
    .where(isEarlier)
    .orderBy(desc(events.transactionId), desc(events.id))
    .limit(1);
  return before?.id ?? 0;
}
