import { and, asc, desc, eq, lte, sql } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Json } from "../db/json.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { loadPackage } from "../packages/find-package.ts";
import { areFinal } from "./final-events.ts";

/** The requested part of the feed. */
export interface EventsAsked {
  /** The ID of the last event that the client has; 0 from the beginning. */
  readonly after: number;
  readonly limit: number;
}

/** An event as everybody sees it who may read its package. */
export interface PackageEventView {
  readonly id: number;
  readonly at: string;
  readonly kind: string;
  /** Null if it was the operator, with the command line. */
  readonly user: string | null;
  readonly package: string | null;
  readonly version: string | null;
  readonly details: Json;
}

/** An event as administrators see it. */
export interface EventView extends PackageEventView {
  readonly address: string | null;
  readonly tokenId: string | null;
}

/** A part of a feed, and the ID from which to continue. */
export interface EventPage<View> {
  readonly items: readonly View[];
  readonly next: number;
}

type Feed = Pick<Deps, "db">;

/**
 * Lists the events that follow an event, in the order in which they became final. A client that
 * continues after `next` misses none and gets none twice. IDs do not always ascend in this order.
 */
export function readEvents({ db }: Feed, asked: EventsAsked): Promise<EventPage<EventView>> {
  return db.read(async (session) => {
    const rows = await loadEvents(session, db.kind, asked);
    return pageOf(rows.map(fullEventView), asked);
  });
}

/**
 * Lists the events of one package, like `readEvents` but without addresses and tokens. Throws
 * `package_not_found`.
 */
export function readPackageEvents(
  { db }: Feed,
  name: PackageName,
  asked: EventsAsked,
): Promise<EventPage<PackageEventView>> {
  return db.read(async (session) => {
    await loadPackage(session, name);
    return pageOf((await loadEvents(session, db.kind, asked, name)).map(packageEventView), asked);
  });
}

/**
 * Loads the rows of events that follow an event, in the order of the feed: all events, or those of
 * one package.
 */
export async function loadEvents(
  { query, tables: { events } }: DbSession,
  kind: Deps["db"]["kind"],
  { after, limit }: EventsAsked,
  name?: PackageName,
) {
  const { id, transactionId, packageName } = events;
  const [last] = await query.select({ transactionId }).from(events).where(lte(id, after)).orderBy(desc(id)).limit(1);
  const isLater = last && sql`(${transactionId}, ${id}) > (${last.transactionId}, ${after})`;
  const isAbout = name && eq(packageName, name);
  return query
    .select()
    .from(events)
    .where(and(isLater, isAbout, areFinal(kind, events)))
    .orderBy(asc(transactionId), asc(id))
    .limit(limit);
}

/** A row of `events`. */
export type EventRow = Awaited<ReturnType<typeof loadEvents>>[number];

function eventView(row: EventRow): PackageEventView {
  const { id, at, kind, username, packageName, version, details } = row;
  return { id, at: at.toISOString(), kind, user: username, package: packageName, version, details };
}

/** Makes the view of an event for administrators. */
export function fullEventView(row: EventRow): EventView {
  return { ...eventView(row), address: row.address, tokenId: row.tokenId };
}

/**
 * Makes the view of an event for readers of its package. Removes where secrets are in an archive:
 * readers only learn that secrets were allowed. Also removes the case of the operator for which
 * something was taken down.
 */
export function packageEventView(row: EventRow): PackageEventView {
  const view = eventView(row);
  if (row.kind === "version.secrets_allowed") return { ...view, details: {} };
  return row.kind.endsWith(".taken_down") ? { ...view, details: { reason: reasonOf(row.details) } } : view;
}

function reasonOf(details: Json): Json {
  return typeof details === "object" && details !== null && "reason" in details ? (details.reason ?? null) : null;
}

function pageOf<View extends PackageEventView>(items: readonly View[], { after }: EventsAsked): EventPage<View> {
  return { items, next: items.at(-1)?.id ?? after };
}
