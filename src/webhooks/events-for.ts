import { and, eq, inArray } from "drizzle-orm";
import { coversName } from "../accounts/actor.ts";
import type { Database, DbSession } from "../db/database.ts";
import {
  type EventRow,
  fullEventView,
  loadEvents,
  type PackageEventView,
  packageEventView,
} from "../events/read-events.ts";
import type { WebhookRow } from "./webhook-view.ts";

/** How many events are read at a time. */
const BATCH_EVENTS = 50;

/** One event in the order of the feed. `event` is undefined if the webhook is to pass it over. */
export interface NextEvent {
  readonly id: number;
  readonly event: PackageEventView | undefined;
}

/** The next events for a webhook, and whether there are more. */
export interface NextEvents {
  readonly items: readonly NextEvent[];
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
  const rows = await loadEvents(session, kind, { after, limit: BATCH_EVENTS });
  const isAdmin = user.role === "admin";
  const owned = isAdmin ? new Set<string>() : await ownedAmong(session, user.id, rows);
  const items = rows.map((row) => {
    const mayRead = isAdmin || (row.packageName !== null && owned.has(row.packageName));
    const view = isAdmin ? fullEventView : packageEventView;
    return { id: row.id, event: mayRead && isWanted(webhook, row) ? view(row) : undefined };
  });
  return { items, hasMore: rows.length === BATCH_EVENTS };
}

async function ownedAmong(
  { query, tables: { packageOwners, packages } }: DbSession,
  userId: string,
  rows: readonly EventRow[],
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
  { kind, packageName }: EventRow,
): boolean {
  // What is about no package passes only a filter for everything.
  return coversName(kinds, kind) && (packageName === null ? packages.includes("*") : coversName(packages, packageName));
}
