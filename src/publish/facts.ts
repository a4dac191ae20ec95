import type { Actor } from "../accounts/actor.ts";
import { lockAccount, tryLockAccount } from "../accounts/lock-account.ts";
import { credentialFault } from "../accounts/revalidate.ts";
import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import type { Failure } from "../errors.ts";
import { lockPackage, tryLockPackage } from "../packages/find-package.ts";
import type { PackageRow } from "../packages/views.ts";
import { isOnFastPath } from "./fast-path.ts";
import { loadQuota, type Quota } from "./publish-limits.ts";
import type { VerifiedPublication } from "./verify-publication.ts";

/** A verified publication, before the decision whether it may be published. */
export interface Candidate {
  readonly publication: VerifiedPublication;
  /** The time of the publish. */
  readonly now: Date;
}

/**
 * How accounts and packages are read: without a lock (`read`), with a lock that is waited for
 * (`wait`), or with a lock that is skipped if somebody else holds it (`skip`).
 */
export type Access = "read" | "wait" | "skip";

/** What the first query finds out about a candidate. */
export interface Facts {
  /** False where another transaction holds the account. */
  readonly isAccountFree: boolean;
  /** The package of this folded name, where this transaction has locked it. */
  readonly locked: PackageRow | undefined;
  /** Why the publisher's credential has ended, if it has. */
  readonly fault: Failure | undefined;
  readonly isOnFastPath: boolean;
  /** Undefined where publishes are not limited. */
  readonly quota: Quota | undefined;
}

/** The id of the account that publishes. */
export function accountOf({ publication: { publisher } }: Candidate): string {
  return publisher.user.id;
}

/** The id of the session or token that the publisher was authenticated with. */
function credentialOf({ publication: { publisher } }: Candidate): string {
  return publisher.token?.id ?? publisher.sessionId ?? "";
}

/** Asks once for each different key, and returns a lookup of the answers. */
async function askByKey<T>(
  batch: readonly Candidate[],
  keyOf: (candidate: Candidate) => string,
  ask: (publisher: Actor) => Promise<T>,
): Promise<(candidate: Candidate) => T | undefined> {
  const publishers = new Map(batch.map((candidate) => [keyOf(candidate), candidate.publication.publisher]));
  const asked = [...publishers].map(async ([key, publisher]) => [key, await ask(publisher)] as const);
  const answers = new Map(await pipelined(asked));
  return (candidate) => answers.get(keyOf(candidate));
}

/**
 * Locks an account as `access` says. `wait` locks it always, because an account's first key is
 * decided under this lock. `skip` needs the lock for the count of a quota alone: the fast path
 * registers no key.
 */
async function holdAccount(session: DbSession, access: Access, id: string, isLimited: boolean): Promise<boolean> {
  if (access === "wait") await lockAccount(session, id);
  return access === "skip" && isLimited ? tryLockAccount(session, id) : true;
}

async function holdPackage(session: DbSession, access: Access, name: PackageName): Promise<PackageRow | undefined> {
  if (access === "read") return undefined;
  return access === "wait" ? lockPackage(session, name) : tryLockPackage(session, name);
}

/**
 * Takes the locks of a batch and asks what is needed to decide about it: on Postgres in one
 * message, as many messages as one candidate costs. The account comes before the package, as in
 * every transaction: two that took them in different orders could wait for each other. Everything
 * else is asked after the locks, because waiting for them is time in which a token may end and a
 * package may change.
 */
export async function askFacts(
  session: DbSession,
  { config: { publishLimits } }: Pick<Deps, "config">,
  batch: readonly Candidate[],
  access: Access,
): Promise<Facts[]> {
  const latest = new Date(Math.max(...batch.map(({ now }) => now.getTime())));
  const isLimited = publishLimits !== undefined;
  const [accountFree, packages, fault, fast, quota] = await pipelined([
    askByKey(batch, accountOf, ({ user }) => holdAccount(session, access, user.id, isLimited)),
    pipelined(batch.map(({ publication }) => holdPackage(session, access, publication.inspection.manifest.name))),
    askByKey(batch, credentialOf, (publisher) => credentialFault(session, publisher, latest)),
    pipelined(batch.map(({ publication }) => isOnFastPath(session, publication))),
    askByKey(batch, accountOf, async ({ user }) => publishLimits && loadQuota(session, publishLimits, user.id, latest)),
  ]);
  return batch.map((candidate, at) => ({
    isAccountFree: accountFree(candidate) === true,
    locked: packages[at],
    fault: fault(candidate),
    isOnFastPath: fast[at] === true,
    quota: quota(candidate),
  }));
}
