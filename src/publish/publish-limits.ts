import { and, type Column, count, eq, gt, lt, min, sql } from "drizzle-orm";
import type { PgTable } from "drizzle-orm/pg-core";
import type { PublishLimits } from "../config/config.ts";
import type { DbSession, Tables } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { statement, valueFor } from "../db/statement.ts";
import { failure, type RateLimit } from "../errors.ts";
import { CLOCK_DIFFERENCE_MAX_MS } from "../signing/key-statements.ts";

const WINDOW_SECONDS = 3_600;

function rateLimit(policy: string, limit: number, used: number, oldest: Date | null, now: Date): RateLimit {
  const leavesMs = oldest === null ? 0 : oldest.getTime() + WINDOW_SECONDS * 1_000 - now.getTime();
  const resetSeconds =
    oldest === null ? WINDOW_SECONDS : Math.min(WINDOW_SECONDS, Math.max(1, Math.ceil(leavesMs / 1_000)));
  return { policy, limit, windowSeconds: WINDOW_SECONDS, remaining: Math.max(0, limit - used), resetSeconds };
}

interface Used {
  readonly used: number;
  readonly oldest: Date | null;
}

type Moment = Tables["packages"]["createdAt"] | Tables["versions"]["publishedAt"];

/**
 * Counts the rows of a table that an account made between two times, and finds when it made the
 * oldest of them.
 */
function usedIn(columnsOf: (tables: Tables) => { readonly table: PgTable; readonly by: Column; readonly at: Moment }) {
  return statement<{ userId: string; since: Date; until: Date }, Used>(({ query, tables }) => {
    const { table, by, at } = columnsOf(tables);
    return query
      .select({ used: count(), oldest: min(at) })
      .from(table)
      .where(and(eq(by, sql.placeholder("userId")), gt(at, valueFor(at, "since")), lt(at, valueFor(at, "until"))));
  });
}

const namesUsed = usedIn(({ packages }) => ({ table: packages, by: packages.createdBy, at: packages.createdAt }));
const versionsUsed = usedIn(({ versions }) => ({
  table: versions,
  by: versions.publishedBy,
  at: versions.publishedAt,
}));

/** How much an account may still publish. */
export interface Quota {
  readonly newNames: RateLimit;
  readonly versions: RateLimit;
}

/**
 * Loads what an account may still publish. It is counted from the rows of the last hour, so the
 * window slides and servers that share a database share it. In the transaction of a publish, which
 * has locked the account, the count is exact.
 */
export async function loadQuota(
  session: DbSession,
  { newNamesPerHour, versionsPerHour }: PublishLimits,
  userId: string,
  now: Date,
): Promise<Quota> {
  const window = {
    since: new Date(now.getTime() - WINDOW_SECONDS * 1_000),
    // A clock that was far ahead and then corrected leaves rows that would count until that time.
    until: new Date(now.getTime() + CLOCK_DIFFERENCE_MAX_MS),
  };
  const [[names], [published]] = await pipelined([
    namesUsed(session, { userId, ...window }),
    versionsUsed(session, { userId, ...window }),
  ]);
  return {
    newNames: rateLimit("new-names", newNamesPerHour, names?.used ?? 0, names?.oldest ?? null, now),
    versions: rateLimit("versions", versionsPerHour, published?.used ?? 0, published?.oldest ?? null, now),
  };
}

/**
 * Returns what remains of a quota after more was published, in the order of the `RateLimit` header.
 */
export function quotaAfter({ versions, newNames }: Quota, more: { versions: number; newNames: number }): RateLimit[] {
  return [
    { ...versions, remaining: versions.remaining - more.versions },
    { ...newNames, remaining: newNames.remaining - more.newNames },
  ];
}

/**
 * Returns what remains of a quota after one more version, and with `isNewName` one more name.
 * Throws `publish_limit_reached` when the quota is used up.
 */
export function requireQuota(quota: Quota, isNewName: boolean): RateLimit[] {
  const { newNames, versions } = quota;
  if (versions.remaining === 0) throw failure({ code: "publish_limit_reached", what: "versions", limit: versions });
  if (isNewName && newNames.remaining === 0) {
    throw failure({ code: "publish_limit_reached", what: "new names", limit: newNames });
  }
  return quotaAfter(quota, { versions: 1, newNames: isNewName ? 1 : 0 });
}
