import { createHash } from "node:crypto";
import { eq, gt, inArray, lte, sql } from "drizzle-orm";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { failure } from "../errors.ts";
import { clientNetwork } from "../http/client-address.ts";
import { KeyedMutex } from "../runtime/semaphore.ts";

/* Guessing passwords is slow: for each account, known or not, and from each address. */

const DAY_MS = 24 * 60 * 60 * 1_000;
const MINUTE_MS = 60_000;
const ADDRESS_FAILURES_MAX = 20;
const ACCOUNT_FAILURES_FREE = 5;
const DELAY_MAX_SECONDS = 300;
/** Rows are made by strangers, one for each name they think of, and taken away faster than that. */
const PRUNE_BATCH_SIZE = 100;
const WAITING_MAX = 64;

/** How failures of a kind of key count. */
interface Rule {
  /** From when on time is measured: the first failure that is counted, or the last. */
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

/** Whose password somebody tries, and from where. */
export interface Attempt {
  /** What `accountKey` or `nameKey` made. */
  readonly key: string;
  readonly address: string | null;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

export function accountKey(userId: string): string {
  return `account:${userId}`;
}

/** The key of a name that no account has: it is treated as if one had. */
export function nameKey(typedName: string): string {
  return `name:${digest(foldIdentity(typedName))}`;
}

/**
 * The address comes first, here and in every transaction: so no two attempts wait for each other.
 */
function countedBy({ key, address }: Attempt): readonly Counted[] {
  const account = { key, rule: BY_ACCOUNT };
  if (address === null) return [account];
  return [{ key: `address:${digest(clientNetwork(address))}`, rule: BY_ADDRESS }, account];
}

/**
 * Attempts on one account, and those from one address, take turns: or many at once would all be the
 * fifth.
 */
const turns = new KeyedMutex(WAITING_MAX);

function inTurn<T>([key, ...others]: readonly string[], work: () => Promise<T>): Promise<T> {
  return key === undefined ? work() : turns.run(key, () => inTurn(others, work));
}

/**
 * Runs a registration after the others from its address: many at once would leave no room for
 * hashing what others log in with. Apart from logins, which registrations must not keep waiting
 * either. Throws `busy` when too many wait.
 */
export function registerInTurn<T>(address: string | null, work: () => Promise<T>): Promise<T> {
  return inTurn(address === null ? [] : [`register:${clientNetwork(address)}`], work);
}

/**
 * Tries a password with `check`, unless too many tries of late failed: then throws
 * `too_many_attempts` without trying or counting. A try that fails is counted. Exact in one
 * process; each replica more may let one more through.
 */
export function tryPassword(
  deps: Pick<Deps, "db" | "clock">,
  attempt: Attempt,
  check: () => Promise<boolean>,
): Promise<boolean> {
  const counted = countedBy(attempt);
  const keys = counted.map(({ key }) => key);
  return inTurn(keys, async () => {
    await requirePatience(deps, counted);
    const matches = await check();
    if (!matches) await countFailure(deps, counted);
    return matches;
  });
}

async function requirePatience({ db, clock }: Pick<Deps, "db" | "clock">, counted: readonly Counted[]): Promise<void> {
  const keys = counted.map(({ key }) => key);
  const rows = await db.read(({ query, tables: { loginFailures } }) =>
    query.select().from(loginFailures).where(inArray(loginFailures.key, keys)),
  );
  const nowMs = clock().getTime();
  const waits = counted.map(({ key, rule }) => {
    const row = rows.find((found) => found.key === key);
    if (row === undefined) return 0;
    // A clock that was set back, or another server's that is ahead, left a time that is still to
    // come: nobody waits for it.
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
  // A row that somebody counts in right now is left to them, or the two could wait for each other.
  const unlocked = kind === "postgres" ? sql`FOR UPDATE SKIP LOCKED` : sql``;
  const old = await rows<{ key: string }>(
    sql`SELECT key FROM ${loginFailures} WHERE ${isOld} ORDER BY last_at LIMIT ${PRUNE_BATCH_SIZE} ${unlocked}`,
  );
  if (old.length === 0) return;
  // By key, and not with the query above inside: Postgres would read the whole table for that.
  const keys = old.map(({ key }) => key);
  await query.delete(loginFailures).where(inArray(loginFailures.key, keys));
}

/**
 * Forgets the failures of an account, whose password somebody knew or an administrator replaced.
 */
export async function forgetFailures({ query, tables: { loginFailures } }: DbSession, userId: string): Promise<void> {
  await query.delete(loginFailures).where(eq(loginFailures.key, accountKey(userId)));
}
