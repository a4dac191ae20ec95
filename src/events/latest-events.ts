import { and, desc, eq, sql } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { type EventView, fullEventView } from "./read-events.ts";

/** The requested part of the events, the newest first. */
export interface LatestAsked {
  /** The ID of the last event of the part before; undefined from the newest. */
  readonly before: number | undefined;
  /** The name of a package; undefined for all events. */
  readonly packageName: string | undefined;
  readonly limit: number;
}

/** Some events, the newest first, and the ID before which to continue; null at the end. */
export interface LatestEvents {
  readonly items: readonly EventView[];
  readonly next: number | null;
}

/**
 * Lists events for people, who begin with the newest. A program follows the feed instead
 * (`readEvents`): here, on Postgres, an event can appear between two that were shown before.
 */
export function readLatestEvents(
  { db }: Pick<Deps, "db">,
  { before, packageName, limit }: LatestAsked,
): Promise<LatestEvents> {
  return db.read(async ({ query, tables: { events } }) => {
    const { id, transactionId } = events;
    const [last] =
      before === undefined ? [] : await query.select({ transactionId }).from(events).where(eq(id, before)).limit(1);
    const isEarlier = last && sql`(${transactionId}, ${id}) < (${last.transactionId}, ${before})`;
    const isAbout = packageName === undefined ? undefined : eq(events.packageName, packageName.replaceAll("\0", ""));
    const rows = await query
      .select()
      .from(events)
      .where(and(isEarlier, isAbout))
      .orderBy(desc(transactionId), desc(id))
      .limit(limit + 1);
    const items = rows.slice(0, limit).map(fullEventView);
    return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
  });
}
