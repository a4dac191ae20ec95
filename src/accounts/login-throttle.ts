import { and, desc, eq, inArray, ne } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import { Failure, failure } from "../errors.ts";
import { KeyedMutex } from "../runtime/semaphore.ts";
import { type Counted, countAttempt, digestOfText, networkDigest, type Rule, secondsToWait } from "./attempt-counts.ts";
import type { UserRow } from "./user.ts";

/*
 * Slows down guessing of passwords: for each typed name and network together, for each network, and
 * for each name from networks that it never logged in from.
 *
 * Keys contain the typed name, whether or not an account has it, and never the account. So nobody
 * learns which names have accounts, nor which e-mail address and user name are one account.
 */

const DAY_MS = 24 * 60 * 60 * 1_000;
const HOUR_MS = 60 * 60 * 1_000;
const MINUTE_MS = 60_000;
const NETWORK_FAILURES_MAX = 20;
const FREE_FAILURES = 5;
const DELAY_MAX_SECONDS = 300;
/**
 * More failures than one network can make in an hour. Only guessing from many networks reaches it.
 */
const NAME_FAILURES_MAX = 100;
/** How many networks are remembered for one account. */
const NETWORKS_REMEMBERED_MAX = 20;
const WAITING_MAX = 64;

const BY_NETWORK: Rule = {
  from: "since",
  forgottenAfterMs: MINUTE_MS,
  delayMs: (failures) => (failures < NETWORK_FAILURES_MAX ? 0 : MINUTE_MS),
};

/** One stranger must not lock a name out for everybody else, so this counts per network. */
const BY_NAME_AND_NETWORK: Rule = {
  from: "lastAt",
  forgottenAfterMs: DAY_MS,
  delayMs: (failures) =>
    failures < FREE_FAILURES ? 0 : Math.min(2 ** (failures - FREE_FAILURES), DELAY_MAX_SECONDS) * 1_000,
};

/** Bounds guessing from many networks. It does not apply to networks that logged in before. */
const BY_NAME: Rule = {
  from: "since",
  forgottenAfterMs: HOUR_MS,
  delayMs: (failures) => (failures < NAME_FAILURES_MAX ? 0 : HOUR_MS),
};

/** The typed name and the client's address of one attempt. */
export interface Attempt {
  readonly name: string;
  readonly address: string | null;
}

interface AttemptKeys {
  readonly nameDigest: string;
  /** The key of the typed name and the network together. */
  readonly pair: string;
  readonly network: Counted | undefined;
  readonly byName: Counted;
  readonly byPair: Counted;
}

function networkCounter(address: string): Counted {
  return { key: `network:${networkDigest(address)}`, rule: BY_NETWORK };
}

function keysOf({ name, address }: Attempt): AttemptKeys {
  const nameDigest = digestOfText(foldIdentity(name));
  const pair = digestOfText(`${nameDigest} ${networkDigest(address)}`);
  return {
    nameDigest,
    pair,
    network: address === null ? undefined : networkCounter(address),
    byName: { key: `name:${nameDigest}`, rule: BY_NAME, nameDigest },
    byPair: { key: `login:${pair}`, rule: BY_NAME_AND_NETWORK, nameDigest },
  };
}

/**
 * Serialises attempts from one network. Otherwise many concurrent attempts would all count as the
 * fifth. Attempts on one name from different networks do not wait for each other, because strangers
 * could fill that queue.
 */
const attemptMutex = new KeyedMutex(WAITING_MAX, "login");

/**
 * Tries a password with `check` and counts a failure. Throws `too_many_attempts`, without trying or
 * counting, if too many recent attempts failed. The limits of one network are exact in one process;
 * each further replica may allow one more attempt.
 */
export function tryPassword(
  deps: Pick<Deps, "db" | "clock">,
  attempt: Attempt,
  check: () => Promise<boolean>,
): Promise<boolean> {
  const { network, byName, byPair, pair } = keysOf(attempt);
  const byNetwork = network === undefined ? [] : [network];
  return attemptMutex.run((network ?? byPair).key, async () => {
    const isKnown = await hasLoggedIn(deps, pair);
    const limits = [...byNetwork, ...(isKnown ? [] : [byName]), byPair];
    const retryAfterSeconds = await secondsToWait(deps, limits);
    if (retryAfterSeconds > 0) throw failure({ code: "too_many_attempts", retryAfterSeconds });
    const matches = await check();
    if (!matches) await countAttempt(deps, [...byNetwork, byName, byPair]);
    return matches;
  });
}

/**
 * Tries the token of a reset link with `use`, which throws `reset_link_invalid` for a wrong one. A
 * wrong token counts as a failed login of the network. Throws `too_many_attempts` without trying.
 */
export async function tryLink<T>(
  deps: Pick<Deps, "db" | "clock">,
  address: string | null,
  use: () => Promise<T>,
): Promise<T> {
  if (address === null) return use();
  const network = networkCounter(address);
  return attemptMutex.run(network.key, async () => {
    const retryAfterSeconds = await secondsToWait(deps, [network]);
    if (retryAfterSeconds > 0) throw failure({ code: "too_many_attempts", retryAfterSeconds });
    try {
      return await use();
    } catch (cause) {
      const isWrong = cause instanceof Failure && cause.error.code === "reset_link_invalid";
      if (isWrong) await countAttempt(deps, [network]);
      throw cause;
    }
  });
}

async function hasLoggedIn({ db }: Pick<Deps, "db">, pair: string): Promise<boolean> {
  const found = await db.read(({ query, tables: { loginNetworks } }) =>
    query.select({ key: loginNetworks.key }).from(loginNetworks).where(eq(loginNetworks.key, pair)),
  );
  return found.length > 0;
}

/**
 * Deletes the failures of the typed name from this network, after the correct password. Those of
 * other networks stay, because they are somebody else's.
 */
export async function forgetOwnFailures(
  { query, tables: { loginFailures } }: DbSession,
  attempt: Attempt,
): Promise<void> {
  await query.delete(loginFailures).where(eq(loginFailures.key, keysOf(attempt).byPair.key));
}

/** Remembers that an account logged in from this network, and forgets the oldest of too many. */
export async function rememberNetwork(
  { query, tables: { loginNetworks } }: DbSession,
  userId: string,
  attempt: Attempt,
  now: Date,
): Promise<void> {
  const { pair: key } = keysOf(attempt);
  await query
    .insert(loginNetworks)
    .values({ key, userId, lastAt: now })
    .onConflictDoUpdate({ target: loginNetworks.key, set: { userId, lastAt: now } });
  const surplus = await query
    .select({ key: loginNetworks.key })
    .from(loginNetworks)
    .where(and(eq(loginNetworks.userId, userId), ne(loginNetworks.key, key)))
    .orderBy(desc(loginNetworks.lastAt), loginNetworks.key)
    .offset(NETWORKS_REMEMBERED_MAX - 1)
    .limit(NETWORKS_REMEMBERED_MAX);
  if (surplus.length === 0) return;
  const keys = surplus.map((row) => row.key);
  await query.delete(loginNetworks).where(inArray(loginNetworks.key, keys));
}

/**
 * Deletes all failures of an account, after a reset. The key of a name comes first, as in every
 * transaction that counts a failure.
 */
export async function forgetFailures({ query, tables }: DbSession, user: UserRow): Promise<void> {
  const { loginFailures } = tables;
  for (const name of [user.usernameFolded, user.emailFolded]) {
    const { nameDigest, byName } = keysOf({ name, address: null });
    await query.delete(loginFailures).where(eq(loginFailures.key, byName.key));
    await query.delete(loginFailures).where(eq(loginFailures.nameDigest, nameDigest));
  }
}

/** Forgets the networks that an account logged in from, because a thief may have used one. */
export async function forgetNetworks(
  { query, tables: { loginNetworks } }: DbSession,
  { id }: Pick<UserRow, "id">,
): Promise<void> {
  await query.delete(loginNetworks).where(eq(loginNetworks.userId, id));
}
