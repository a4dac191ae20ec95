import { createHash } from "node:crypto";
import { eq, gt, inArray, lte, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { failure } from "../errors.ts";
import { clientNetwork } from "../http/client-address.ts";
import { KeyedMutex } from "../runtime/semaphore.ts";

/* Slows down guessing of passwords: for each account, existing or not, and for each address. */

const DAY_MS = 24 * 60 * 60 * 1_000;
const MINUTE_MS = 60_000;
const ADDRESS_FAILURES_MAX = 20;
const ACCOUNT_FAILURES_FREE = 5;
const DELAY_MAX_SECONDS = 300;
/**
 * How many old rows a failed login deletes. Strangers add one row for each name they try, so this
 * must be faster.
 */
const PRUNE_BATCH_SIZE = 100;
const WAITING_MAX = 64;

/** How the failures of one kind of key count. */
interface Rule {
  /** The start of the measured time: the first counted failure or the last one. */
  readonly from: "since" | "lastAt";
  readonly forgottenAfterMs: number;
  delayMs(failures: number): number;
}

const BY_ADDRESS: Rule = {
  from: "since",
  forgottenAfterMs: MINUTE_MS,
  delayMs: (failures) => (failures < ADDRESS_FAILURES_MAX ? 0 : MINUTE_MS),
};

const BY_ACCOUNT: Rule = {
  from: "lastAt",
  forgottenAfterMs: DAY_MS,
  delayMs: (failures) =>
    failures < ACCOUNT_FAILURES_FREE ? 0 : Math.min(2 ** (failures - ACCOUNT_FAILURES_FREE), DELAY_MAX_SECONDS) * 1_000,
};

interface Counted {
  readonly key: string;
  readonly rule: Rule;
}

/** Whose password is tried, and from which address. */
export interface Attempt {
  /** The result of `accountKey` or `nameKey`. */
  readonly key: string;
  readonly address: string | null;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function accountKey(userId: string): string {
  return `account:${userId}`;
}

/**
 * The key of a name without an account. It is throttled as if it had one, so that nobody learns
 * which accounts exist.
 */
export function nameKey(typedName: string): string {
  return `name:${digest(foldIdentity(typedName))}`;
}

/** The address comes first here and in every transaction, so two attempts never deadlock. */
function countedBy({ key, address }: Attempt): readonly Counted[] {
  const account = { key, rule: BY_ACCOUNT };
  if (address === null) return [account];
  return [{ key: `address:${digest(clientNetwork(address))}`, rule: BY_ADDRESS }, account];
}

/**
 * Serialises attempts on one account and attempts from one address. Otherwise many at once would
 * all be the fifth.
 */
const attemptMutex = new KeyedMutex(WAITING_MAX);

function serialised<T>([key, ...others]: readonly string[], work: () => Promise<T>): Promise<T> {
  return key === undefined ? work() : attemptMutex.run(key, () => serialised(others, work));
}

/**
 * Serialises registrations from one address, because many at once would leave no capacity to hash
 * passwords of logins. Logins have keys of their own, so registrations do not delay them here
 * either. Throws `busy` if too many wait.
 */
export function serialiseRegistration<T>(address: string | null, work: () => Promise<T>): Promise<T> {
  return serialised(address === null ? [] : [`register:${clientNetwork(address)}`], work);
}

/**
 * Tries a password with `check` and counts a failure. Throws `too_many_attempts`, without trying or
 * counting, if too many recent attempts failed. The limit is exact in one process; each further
 * replica may allow one more attempt.
 */
export function tryPassword(
  deps: Pick<Deps, "db" | "clock">,
  attempt: Attempt,
  check: () => Promise<boolean>,
): Promise<boolean> {
  const counted = countedBy(attempt);
  const keys = counted.map(({ key }) => key);
  return serialised(keys, async () => {
    await requireAttemptAllowed(deps, counted);
    const matches = await check();
    if (!matches) await countFailure(deps, counted);
    return matches;
  });
}

async function requireAttemptAllowed(
  { db, clock }: Pick<Deps, "db" | "clock">,
  counted: readonly Counted[],
): Promise<void> {
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
  const waitMs = Math.max(...waits);
  if (waitMs > 0) throw failure({ code: "too_many_attempts", retryAfterSeconds: Math.ceil(waitMs / 1_000) });
}

async function countFailure({ db, clock }: Pick<Deps, "db" | "clock">, counted: readonly Counted[]): Promise<void> {
  const now = clock();
  await db.write(async (session) => {
    for (const one of counted) await addFailure(session, one, now);
    await prune(session, db.kind, now);
  });
}

async function addFailure({ query, tables }: DbSession, { key, rule }: Counted, now: Date): Promise<void> {
  const { loginFailures } = tables;
  const { failures, since } = loginFailures;
  const isRemembered = gt(loginFailures[rule.from], new Date(now.getTime() - rule.forgottenAfterMs));
  await query
    .insert(loginFailures)
    .values({ key, failures: 1, since: now, lastAt: now })
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

/** Deletes the failures of an account, after a correct password or a reset. */
export async function forgetFailures({ query, tables: { loginFailures } }: DbSession, userId: string): Promise<void> {
  await query.delete(loginFailures).where(eq(loginFailures.key, accountKey(userId)));
}
