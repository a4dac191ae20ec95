import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { RateLimit } from "../errors.ts";
import { registerFirstKey } from "../keys/account-trust.ts";
import { applyDueReset } from "../keys/package-trust.ts";
import type { PublishedVersion } from "../packages/views.ts";
import { decide, limitsOnFastPath } from "./decide.ts";
import { accountOf, askFacts, type Facts } from "./facts.ts";
import { type Accepted, insertVersions, type PendingPublication, type Recorded } from "./insert-versions.ts";
import { makePackage } from "./make-package.ts";

/*
 * The one transaction of a publish, for one publication or a batch: take the locks and ask the
 * facts (facts.ts), decide (decide.ts), insert what is accepted (insert-versions.ts).
 */

type RecordDeps = Pick<Deps, "db" | "config" | "log">;

/**
 * A version that was recorded now, or one with the same bytes that somebody else recorded first.
 */
export type RecordOutcome =
  | ({ readonly outcome: "created" } & Recorded)
  | { readonly outcome: "unchanged"; readonly version: PublishedVersion; readonly limits: readonly RateLimit[] };

/**
 * `recordOne`, or undefined where another transaction made the package after this one found none.
 */
async function tryRecordOne(
  session: DbSession,
  deps: RecordDeps,
  pending: PendingPublication,
): Promise<RecordOutcome | undefined> {
  const { publication, now } = pending;
  const batched = session.batched();
  const [facts] = await askFacts(batched, deps, [pending], "wait");
  if (facts === undefined) throw new Error("Nothing was asked about a publication");
  const reads = { findExisting: async () => facts.locked, loadKeys: applyDueReset };
  const decision = await decide(session, deps, pending, facts, reads);
  if (decision.outcome === "unchanged") return { ...decision, limits: [] };
  const claimed = facts.locked ?? (await makePackage(session, publication, now));
  if (claimed === undefined) return undefined;
  const { publisher, verified } = publication;
  if (decision.isFirstKey) await registerFirstKey(session, publisher, verified.publicKey, now);
  const isFirst = facts.locked === undefined;
  const [recorded] = await insertVersions(batched, deps, [{ ...pending, claimed, isFirst, limits: decision.limits }]);
  if (recorded === undefined) throw new Error("A version was not recorded");
  return { outcome: "created", ...recorded };
}

/**
 * Records one publication: waits for the locks of its account and package, and decides again what
 * the precheck decided. Throws why it is refused.
 */
export async function recordOne(
  session: DbSession,
  deps: RecordDeps,
  pending: PendingPublication,
): Promise<RecordOutcome> {
  // The second time, the package is there and can be locked.
  const recorded = (await tryRecordOne(session, deps, pending)) ?? (await tryRecordOne(session, deps, pending));
  if (recorded === undefined) throw new Error("A package that conflicts with an insert was not found");
  return recorded;
}

/**
 * Chooses those of a batch that the facts alone accept. Members of one account share its quota, in
 * their order.
 */
function acceptProved(batch: readonly PendingPublication[], facts: readonly Facts[]): (Accepted | undefined)[] {
  const acceptedOf = new Map<string, number>();
  return batch.map((pending, at) => {
    const known = facts[at];
    if (known?.locked === undefined || !known.isAccountFree) return undefined;
    // A package that comes back to the lists changes a counter that all lists share. Whoever holds
    // the counter may be waiting for the log, so this transaction must not wait for it.
    if (!known.locked.listed) return undefined;
    const ahead = acceptedOf.get(accountOf(pending)) ?? 0;
    const limits = limitsOnFastPath(pending, known, ahead);
    if (limits === undefined) return undefined;
    acceptedOf.set(accountOf(pending), ahead + 1);
    return { ...pending, claimed: known.locked, isFirst: false, limits };
  });
}

/**
 * Records a batch of publications to different packages, in one transaction and under one signed
 * checkpoint. On Postgres that costs as many messages as one publication. It waits for no account
 * and no package, because its members must not wait for strangers. It waits only for the log, whose
 * lock comes last everywhere. A member is undefined, with nothing recorded, where it is not on the
 * fast path or its account or package is locked. Record that member with `recordOne`, which waits
 * and explains.
 */
export async function recordBatch(
  session: DbSession,
  deps: RecordDeps,
  batch: readonly PendingPublication[],
): Promise<(Recorded | undefined)[]> {
  const batched = session.batched();
  const proved = acceptProved(batch, await askFacts(batched, deps, batch, "skip"));
  const accepted = proved.filter((one) => one !== undefined);
  const recorded = accepted.length === 0 ? [] : await insertVersions(batched, deps, accepted);
  return proved.map((one) => one && recorded[accepted.indexOf(one)]);
}
