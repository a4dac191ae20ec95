import { and, asc, desc, eq, gt, isNull, lte, ne, or, type SQL } from "drizzle-orm";
import { NOBODY, recordEvent } from "../audit/record-event.ts";
import type { DbSession, Tables } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { DueWebhook } from "./lanes.ts";
import { newestEventId } from "./newest-event.ts";
import { retryDelayMs } from "./retry-delay.ts";
import type { Attempt } from "./send-message.ts";
import type { DeliveryRow, WebhookRow } from "./webhook-view.ts";

/*
 * One process at a time delivers for a webhook, among all servers and workers: the holder of the
 * lease in its row. A process that dies leaves the lease, which then ends by itself. A process that
 * lost its lease records nothing any more, so two may send the same event but never skip one.
 */

/** Longer than one attempt and the write after it. Each write of the holder extends the lease. */
const LEASE_MS = 20_000;
/** How many webhooks are looked at in one round. The others have waited for less time. */
const DUE_MAX = 1_000;
/** The attempts that are kept for each webhook. */
const DELIVERIES_MAX = 100;

type TurnDeps = Pick<Deps, "db" | "clock">;

/** Who holds a lease on which webhook. */
export interface Turn {
  readonly holder: string;
  readonly webhook: WebhookRow;
}

/** Free, or left over by a process that died, or by a clock that was ahead. */
function isFree({ webhooks }: Tables, now: Date): SQL | undefined {
  const { leaseHolder, leaseUntil } = webhooks;
  const far = new Date(now.getTime() + 2 * LEASE_MS);
  return or(isNull(leaseHolder), lte(leaseUntil, now), gt(leaseUntil, far));
}

function isDue(tables: Tables, now: Date): SQL | undefined {
  const { disabledAt, nextAttemptAt } = tables.webhooks;
  return and(isNull(disabledAt), or(isNull(nextAttemptAt), lte(nextAttemptAt, now)), isFree(tables, now));
}

const leaseEnd = (now: Date) => new Date(now.getTime() + LEASE_MS);

/** Finds the webhooks that have events to send now, those that waited longest first. */
export function findDue({ db, clock }: TurnDeps): Promise<DueWebhook[]> {
  return db.read(async (session) => {
    const { query, tables } = session;
    const { webhooks, users } = tables;
    const now = clock();
    const [first] = await query.select({ id: webhooks.id }).from(webhooks).where(isDue(tables, now)).limit(1);
    if (first === undefined) return [];
    const newest = await newestEventId(session, db.kind);
    return query
      .select({ id: webhooks.id, userId: webhooks.userId })
      .from(webhooks)
      .innerJoin(users, eq(users.id, webhooks.userId))
      .where(and(isDue(tables, now), isNull(users.disabledAt), ne(webhooks.lastEventId, newest)))
      .orderBy(asc(webhooks.leaseUntil), asc(webhooks.id))
      .limit(DUE_MAX);
  });
}

/** Takes the lease of a webhook. Undefined if another process was faster or it is not due any more. */
export function claim({ db, clock }: TurnDeps, holder: string, id: string): Promise<Turn | undefined> {
  return db.write(async ({ query, tables }) => {
    const now = clock();
    const [webhook] = await query
      .update(tables.webhooks)
      .set({ leaseHolder: holder, leaseUntil: leaseEnd(now) })
      .where(and(eq(tables.webhooks.id, id), isDue(tables, now)))
      .returning();
    return webhook && { holder, webhook };
  });
}

/** Changes the row of a turn. Returns false if the lease was lost or the webhook was removed. */
async function changeRow({ query, tables }: DbSession, { holder, webhook }: Turn, change: Partial<WebhookRow>) {
  const { id, leaseHolder } = tables.webhooks;
  const changed = await query
    .update(tables.webhooks)
    .set(change)
    .where(and(eq(id, webhook.id), eq(leaseHolder, holder)))
    .returning({ id });
  return changed.length > 0;
}

/**
 * Moves the webhook on to an event that it passed over, also to one that failed before. Returns
 * false if the lease was lost.
 */
export function passTo({ db, clock }: TurnDeps, turn: Turn, lastEventId: number): Promise<boolean> {
  return db.write((session) => {
    const change = { lastEventId, failures: 0, nextAttemptAt: null, leaseUntil: leaseEnd(clock()) };
    return changeRow(session, turn, change);
  });
}

/** Ends a turn, so that any process may take the next one. */
export async function release({ db, clock }: TurnDeps, turn: Turn): Promise<void> {
  await db.write((session) => changeRow(session, turn, { leaseHolder: null, leaseUntil: clock() }));
}

/** An event, and how its delivery ended. */
export interface Attempted {
  readonly eventId: number;
  readonly kind: string;
  /** How often it was tried before. */
  readonly failures: number;
  readonly attempt: Attempt;
  /** From 0 to 1, for the length of the pause. */
  readonly random: number;
}

/**
 * Records an attempt. After a success the webhook moves on, after a failure it waits, and after the
 * last failure it is disabled, with an event. Returns whether the turn goes on: false after a
 * failure, and if the lease was lost, when nothing is recorded.
 */
export function recordAttempt(
  { db, clock }: TurnDeps,
  turn: Turn,
  { eventId, kind, failures, attempt, random }: Attempted,
): Promise<{ readonly goesOn: boolean; readonly isDisabled: boolean }> {
  return db.write(async (session) => {
    const now = clock();
    const { isGone, ...ending } = attempt;
    const isDelivered = attempt.outcome === "delivered";
    const delayMs = isGone ? undefined : retryDelayMs(failures + 1, random);
    const change: Partial<WebhookRow> = isDelivered
      ? { lastEventId: eventId, failures: 0, nextAttemptAt: null, leaseUntil: leaseEnd(now) }
      : { failures: failures + 1, nextAttemptAt: new Date(now.getTime() + (delayMs ?? 0)) };
    if (!(await changeRow(session, turn, change))) return { goesOn: false, isDisabled: false };
    await insertDelivery(session, turn.webhook.id, { ...ending, eventId, kind, attempt: failures + 1, at: now });
    const isDisabled = !isDelivered && delayMs === undefined;
    if (isDisabled) await disable(session, turn.webhook, attempt.reason ?? "it does not answer", now);
    return { goesOn: isDelivered, isDisabled };
  });
}

/** Records an attempt in the list of a webhook, and removes the oldest ones. */
export async function insertDelivery(
  { query, tables: { webhookDeliveries } }: DbSession,
  webhookId: string,
  row: Omit<DeliveryRow, "id" | "webhookId">,
): Promise<void> {
  await query.insert(webhookDeliveries).values({ ...row, webhookId });
  const [oldest] = await query
    .select({ id: webhookDeliveries.id })
    .from(webhookDeliveries)
    .where(eq(webhookDeliveries.webhookId, webhookId))
    .orderBy(desc(webhookDeliveries.id))
    .limit(1)
    .offset(DELIVERIES_MAX);
  if (oldest === undefined) return;
  const isOld = and(eq(webhookDeliveries.webhookId, webhookId), lte(webhookDeliveries.id, oldest.id));
  await query.delete(webhookDeliveries).where(isOld);
}

/** Disables a webhook, and records that as an event, without its path, which may contain a secret. */
export async function disable(
  session: DbSession,
  { id, url, userId }: Pick<WebhookRow, "id" | "url" | "userId">,
  reason: string,
  now: Date,
): Promise<void> {
  const { query, tables } = session;
  const { webhooks, users } = tables;
  await query
    .update(webhooks)
    .set({ disabledAt: now, disabledReason: reason, leaseHolder: null, leaseUntil: now })
    .where(eq(webhooks.id, id));
  const [user] = await query.select({ username: users.username }).from(users).where(eq(users.id, userId));
  const details = { id, username: user?.username ?? null, host: new URL(url).host, reason };
  await recordEvent(session, NOBODY, "webhook.disabled", now, { details });
}
