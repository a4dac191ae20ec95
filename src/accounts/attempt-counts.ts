import { createHash } from "node:crypto";
import { gt, inArray, lte, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { clientNetwork } from "../http/client-address.ts";

/*
 * Counts attempts by key, in rows that all replicas share. Rules say how long too many of them
 * wait.
 */

const DAY_MS = 24 * 60 * 60 * 1_000;
/**
 * How many old rows one counted attempt deletes. Strangers add a few rows with each attempt, so
 * each attempt must delete more than that.
 */
const PRUNE_BATCH_SIZE = 100;

/** The rule by which the attempts of one kind of key count. */
export interface Rule {
  /** The start of the measured time: the first counted attempt or the last one. */
  readonly from: "since" | "lastAt";
  /** At most a day, because older rows are deleted. */
  readonly forgottenAfterMs: number;
  delayMs(attempts: number): number;
}

/** One counter that an attempt adds to. */
export interface Counted {
  readonly key: string;
  readonly rule: Rule;
  /** The digest of the typed name, if the key contains one. */
  readonly nameDigest?: string;
}

/** The digest that stands in keys for a text, so that nothing a stranger typed is stored. */
export function digestOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The digest that stands in keys for the network of a client. */
export function networkDigest(address: string | null): string {
  return digestOfText(address === null ? "" : clientNetwork(address));
}

/** Returns how many seconds an attempt has to wait, or 0 if it may be made now. */
export async function secondsToWait(
  { db, clock }: Pick<Deps, "db" | "clock">,
  counted: readonly Counted[],
): Promise<number> {
  const keys = counted.map(({ key }) => key);
  const rows = await db.read(({ query, tables: { loginFailures } }) =>
    query.select().from(loginFailures).where(inArray(loginFailures.key, keys)),
  );
  const nowMs = clock().getTime();
  const waits = counted.map(({ key, rule }) => {
    const row = rows.find((found) => found.key === key);
    if (row === undefined) return 0;
    // The time may be in the future, if a clock was set back or another server's clock is ahead.
    // Then the absolute difference counts, so nobody has to wait for that time.
    const passedMs = Math.abs(nowMs - row[rule.from].getTime());
    return passedMs >= rule.forgottenAfterMs ? 0 : rule.delayMs(row.failures) - passedMs;
  });
  return Math.ceil(Math.max(0, ...waits) / 1_000);
}

/**
 * Counts an attempt. Callers pass a network's key before the key of a name, and that before the key
 * of a name and a network, so that two attempts never deadlock.
 */
export async function countAttempt(
  { db, clock }: Pick<Deps, "db" | "clock">,
  counted: readonly Counted[],
): Promise<void> {
  const now = clock();
  await db.write(async (session) => {
    for (const one of counted) await addAttempt(session, one, now);
    await prune(session, db.kind, now);
  });
}

async function addAttempt({ query, tables }: DbSession, { key, rule, nameDigest }: Counted, now: Date): Promise<void> {
  const { loginFailures } = tables;
  const { failures, since } = loginFailures;
  const isRemembered = gt(loginFailures[rule.from], new Date(now.getTime() - rule.forgottenAfterMs));
  await query
    .insert(loginFailures)
    .values({ key, nameDigest: nameDigest ?? null, failures: 1, since: now, lastAt: now })
    .onConflictDoUpdate({
      target: loginFailures.key,
      set: {
        failures: sql`CASE WHEN ${isRemembered} THEN ${failures} + 1 ELSE 1 END`,
        since: sql`CASE WHEN ${isRemembered} AND ${since} < excluded.since THEN ${since} ELSE excluded.since END`,
        lastAt: now,
      },
    });
}

async function prune({ query, rows, tables }: DbSession, kind: Database["kind"], now: Date): Promise<void> {
  const { loginFailures } = tables;
  const isOld = lte(loginFailures.lastAt, new Date(now.getTime() - DAY_MS));
  // Skips rows that another attempt is writing, because waiting for them could deadlock.
  const unlocked = kind === "postgres" ? sql`FOR UPDATE SKIP LOCKED` : sql``;
  const old = await rows<{ key: string }>(
    sql`SELECT key FROM ${loginFailures} WHERE ${isOld} ORDER BY last_at LIMIT ${PRUNE_BATCH_SIZE} ${unlocked}`,
  );
  if (old.length === 0) return;
  // By key and not with the query above as a subquery, because Postgres would scan the whole table.
  const keys = old.map(({ key }) => key);
  await query.delete(loginFailures).where(inArray(loginFailures.key, keys));
}
