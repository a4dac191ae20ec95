import { and, asc, desc, eq, gt, lte, type SQL, sql } from "drizzle-orm";
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
function loadEvents(session: DbSession, kind: Deps["db"]["kind"], asked: EventsAsked, name?: PackageName) {
  const { query, tables } = session;
  const { id, transactionId, packageName } = tables.events;
  const isAbout = name && eq(packageName, name);
  return following(session, kind, asked, (isLater, limit) =>
    query
      .select()
      .from(tables.events)
      .where(and(isLater, isAbout, areFinal(kind, tables.events)))
      .orderBy(asc(transactionId), asc(id))
      .limit(limit),
  );
}

/** Like `loadEvents` for all events, with only what tells which of them somebody wants. */
export function loadEventOutlines(session: DbSession, kind: Deps["db"]["kind"], asked: EventsAsked) {
  const { query, tables } = session;
  const { id, transactionId, packageName, kind: kindOfEvent } = tables.events;
  return following(session, kind, asked, (isLater, limit) =>
    query
      .select({ id, kind: kindOfEvent, packageName })
      .from(tables.events)
      .where(and(isLater, areFinal(kind, tables.events)))
      .orderBy(asc(transactionId), asc(id))
      .limit(limit),
  );
}

/**
 * Loads what follows an event in the order of the feed. Of a comparison of pairs, SQLite takes only
 * the first members from the index, and would read all events before. There most transactions have
 * the same id, so those of the same one are loaded first.
 */
async function following<Row>(
  { query, tables: { events } }: DbSession,
  kind: Deps["db"]["kind"],
  { after, limit }: EventsAsked,
  load: (isLater: SQL | undefined, limit: number) => PromiseLike<Row[]>,
): Promise<Row[]> {
  const { id, transactionId } = events;
  const [last] = await query.select({ transactionId }).from(events).where(lte(id, after)).orderBy(desc(id)).limit(1);
  if (last === undefined) return load(undefined, limit);
  if (kind === "postgres") return load(sql`(${transactionId}, ${id}) > (${last.transactionId}, ${after})`, limit);
  const same = await load(and(eq(transactionId, last.transactionId), gt(id, after)), limit);
  if (same.length === limit) return same;
  return [...same, ...(await load(gt(transactionId, last.transactionId), limit - same.length))];
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
