import { asc, desc, eq, gte, sql } from "drizzle-orm";
import type { Deps } from "../deps.ts";

/**
 * Returns the id of the event before the first one of a time or later, in the order of the feed: the
 * `after` with which a reader gets that one first. 0 if it is the first of all, and the id of the
 * last event if there is none so late.
 */
export function eventBefore({ db }: Pick<Deps, "db">, at: Date): Promise<number> {
  return db.read(async ({ query, tables: { events } }) => {
    const { id, transactionId } = events;
    const [first] = await query
      .select({ id, transactionId })
      .from(events)
      .where(gte(events.at, at))
      .orderBy(asc(transactionId), asc(id))
      .limit(1);
    const isBefore = first && sql`(${transactionId}, ${id}) < (${first.transactionId}, ${first.id})`;
    const [before] = await query
      .select({ id })
      .from(events)
      .where(isBefore)
      .orderBy(desc(transactionId), desc(id))
      .limit(1);
    return before?.id ?? 0;
  });
}

/** Returns when an event happened. Undefined if there is none with this id. */
export function timeOfEvent({ db }: Pick<Deps, "db">, id: number): Promise<Date | undefined> {
  return db.read(async ({ query, tables: { events } }) => {
    const [found] = await query.select({ at: events.at }).from(events).where(eq(events.id, id));
    return found?.at;
  });
}
