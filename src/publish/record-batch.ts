import type { Actor } from "../accounts/actor.ts";
import { tryLockAccount } from "../accounts/lock-account.ts";
import { isStillValid } from "../accounts/revalidate.ts";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import type { RateLimit } from "../errors.ts";
import { tryLockPackage } from "../packages/find-package.ts";
import { isPlainUpdate } from "./fast-path.ts";
import { type Accepted, insertVersions, type PendingPublication, type Recorded } from "./insert-versions.ts";
import { publishLimitsOf, type Quota, quotaAfter } from "./publish-limits.ts";

type RecordDeps = Pick<Deps, "db" | "config" | "log">;

export interface RecordedMember extends Recorded {
  readonly limits: readonly RateLimit[];
}

interface Granted extends Accepted {
  readonly limits: readonly RateLimit[];
}

/** Who publishes, proved by the same session or token. */
const credentialOf = ({ publication: { publisher } }: PendingPublication) =>
  publisher.token?.id ?? publisher.sessionId ?? "";
const accountOf = ({ publication: { publisher } }: PendingPublication) => publisher.user.id;

/** Asks once for each different key. */
async function byKey<T>(
  batch: readonly PendingPublication[],
  keyOf: (pending: PendingPublication) => string,
  ask: (publisher: Actor) => Promise<T>,
): Promise<ReadonlyMap<string, T>> {
  const publishers = new Map(batch.map((pending) => [keyOf(pending), pending.publication.publisher]));
  return new Map(
    await pipelined([...publishers].map(async ([key, publisher]) => [key, await ask(publisher)] as const)),
  );
}

/** Gives each publish its part of what its account may still publish; nothing where that is used up. */
function dealer(quotas: ReadonlyMap<string, Quota>): (pending: PendingPublication) => readonly RateLimit[] | undefined {
  const taken = new Map<string, number>();
  return (pending) => {
    const quota = quotas.get(accountOf(pending));
    if (quota === undefined) return undefined;
    const versions = (taken.get(accountOf(pending)) ?? 0) + 1;
    if (versions > quota.versions.remaining) return undefined;
    taken.set(accountOf(pending), versions);
    return quotaAfter(quota, { versions, newNames: 0 });
  };
}

/**
 * Locks and asks, in one message, everything that must hold for plain updates. Accounts and packages that others hold
 * are passed by, so nobody waits for a stranger's lock; only the log is waited for, and it comes last everywhere.
 */
async function accept(
  session: DbSession,
  { config: { publishLimits } }: RecordDeps,
  batch: readonly PendingPublication[],
) {
  const latest = new Date(Math.max(...batch.map(({ now }) => now.getTime())));
  const [free, locked, live, plain, quotas] = await pipelined([
    publishLimits && byKey(batch, accountOf, ({ user }) => tryLockAccount(session, user.id)),
    pipelined(batch.map(({ publication }) => tryLockPackage(session, publication.inspection.manifest.name))),
    byKey(batch, credentialOf, (publisher) => isStillValid(session, publisher, latest)),
    pipelined(batch.map(({ publication }) => isPlainUpdate(session, publication))),
    publishLimits && byKey(batch, accountOf, ({ user }) => publishLimitsOf(session, publishLimits, user.id, latest)),
  ]);
  const deal = quotas === undefined ? () => [] : dealer(quotas);
  return batch.map((pending, at): Granted | undefined => {
    const claimed = locked[at];
    if (free?.get(accountOf(pending)) === false) return undefined;
    // To be listed anew changes a row that everybody's lists share, which may be held by who waits for the log.
    if (claimed?.listed !== true || !plain[at] || !live.get(credentialOf(pending))) return undefined;
    const limits = deal(pending);
    return limits && { ...pending, claimed, limits };
  });
}

/**
 * Records new versions that the precheck found to be plain updates, of different packages, in one transaction: on Postgres with as
 * many messages as one takes alone, and everywhere with one signed checkpoint. What it does not record, because it is no
 * plain update any more or its package or account is locked, is undefined and recorded alone, which tells why.
 */
export async function recordBatch(
  session: DbSession,
  deps: RecordDeps,
  batch: readonly PendingPublication[],
): Promise<(RecordedMember | undefined)[]> {
  const batched = session.batched();
  const granted = await accept(batched, deps, batch);
  const accepted = granted.filter((one) => one !== undefined);
  const recorded = accepted.length === 0 ? [] : await insertVersions(batched, deps, accepted);
  return granted.map((one) => {
    const done = one && recorded[accepted.indexOf(one)];
    return done && { ...done, limits: one.limits };
  });
}
