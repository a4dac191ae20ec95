import { and, eq, inArray } from "drizzle-orm";
import { coversName } from "../accounts/actor.ts";
import type { Database, DbSession } from "../db/database.ts";
import {
  type EventRow,
  fullEventView,
  loadEventOutlines,
  type PackageEventView,
  packageEventView,
} from "../events/read-events.ts";
import type { WebhookRow } from "./webhook-view.ts";

/** How many events are read whole at a time. */
const BATCH_EVENTS = 50;
/** How many events are passed over at a time: each time is a durable write. */
const PASSED_EVENTS = 1_000;

/** The next events for a webhook. */
export interface NextEvents {
  readonly events: readonly PackageEventView[];
  /** The event up to which there are no others for it. */
  readonly endId: number;
  readonly hasMore: boolean;
}

/**
 * Reads the events that follow an event, as the account of the webhook may see them now:
 * administrators see all with addresses, others those of packages that they own, without. Undefined
 * if the account is disabled.
 */
export async function eventsFor(
  session: DbSession,
  kind: Database["kind"],
  webhook: Pick<WebhookRow, "userId" | "kinds" | "packages">,
  after: number,
): Promise<NextEvents | undefined> {
  const { query, tables } = session;
  const [user] = await query.select().from(tables.users).where(eq(tables.users.id, webhook.userId));
  if (user === undefined || user.disabledAt !== null) return undefined;
  const isAdmin = user.role === "admin";
  const outlines = await loadEventOutlines(session, kind, { after, limit: PASSED_EVENTS });
  const wanted = outlines.filter((outline) => isWanted(webhook, outline));
  const owned = isAdmin ? new Set<string>() : await ownedAmong(session, user.id, wanted);
  const meant = wanted.filter(({ packageName }) => isAdmin || (packageName !== null && owned.has(packageName)));
  const ids = meant.slice(0, BATCH_EVENTS).map(({ id }) => id);
  const isCut = meant.length > BATCH_EVENTS;
  return {
    events: await viewsOf(session, ids, isAdmin ? fullEventView : packageEventView),
    endId: (isCut ? ids.at(-1) : outlines.at(-1)?.id) ?? after,
    hasMore: isCut || outlines.length === PASSED_EVENTS,
  };
}

/** Reads events by their ids, and returns them in the same order. */
async function viewsOf(
  { query, tables: { events } }: DbSession,
  ids: readonly number[],
  view: (row: EventRow) => PackageEventView,
): Promise<PackageEventView[]> {
  if (ids.length === 0) return [];
  const rows = await query
    .select()
    .from(events)
    .where(inArray(events.id, [...ids]));
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => found.get(id) ?? []).map(view);
}

async function ownedAmong(
  { query, tables: { packageOwners, packages } }: DbSession,
  userId: string,
  rows: readonly Pick<EventRow, "packageName">[],
): Promise<Set<string>> {
  const names = [...new Set(rows.flatMap(({ packageName }) => packageName ?? []))];
  if (names.length === 0) return new Set();
  const found = await query
    .select({ name: packages.name })
    .from(packages)
    .innerJoin(packageOwners, eq(packageOwners.packageId, packages.id))
    .where(and(inArray(packages.name, names), eq(packageOwners.userId, userId)));
  return new Set(found.map(({ name }) => name));
}

function isWanted(
  { kinds, packages }: Pick<WebhookRow, "kinds" | "packages">,
  { kind, packageName }: Pick<EventRow, "kind" | "packageName">,
): boolean {
  // What is about no package passes only a filter for everything.
  return coversName(kinds, kind) && (packageName === null ? packages.includes("*") : coversName(packages, packageName));
}
