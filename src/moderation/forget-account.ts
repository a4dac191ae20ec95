import { and, asc, eq, inArray, isNull, ne, or, type SQL, sql } from "drizzle-orm";
import { loadEnabledUser } from "../accounts/load-user.ts";
import { loadLockedUser } from "../accounts/lock-account.ts";
import { forgetFailures } from "../accounts/login-throttle.ts";
import { hashOfNoPassword } from "../accounts/password.ts";
import type { UserRow } from "../accounts/user.ts";
import { EVENT_KINDS, type Origin, recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { lockNamedPackage, packageNameParam } from "../packages/find-package.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { evict } from "./evict.ts";

/** Kinds of events whose details have labels that the account chose, or hosts of its webhooks. */
const LABELLED = ["token.created", "token.revoked", "key.registered", "key.retired"].concat(
  EVENT_KINDS.filter((kind) => kind.startsWith("webhook.")),
);
const NAMED_MAX = 20;

/** What was done with the packages of an account that is forgotten. */
export interface Forgotten {
  readonly username: string;
  /** False if it was forgotten before. */
  readonly changed: boolean;
  /** Packages that have other owners. */
  readonly left: readonly string[];
  /** Packages that the heir owns now. */
  readonly handedOver: readonly string[];
}

type ForgetDeps = Pick<Deps, "db" | "clock" | "log">;

/**
 * Deletes the personal data of an account: e-mail address, password, sessions, tokens, labels, and
 * the addresses in its events. It leaves its packages, and nobody can log in to it any more. Its user
 * name stays, because signed leaves of the log have it, and nobody else gets it.
 *
 * `heir` becomes the owner of packages that would have none. Safe to repeat, also after a crash.
 * Throws `user_not_found`, or `OperatorError` if a package needs an heir.
 */
export async function forgetAccount(
  deps: ForgetDeps,
  origin: Origin,
  username: string,
  heir: string | undefined,
): Promise<Forgotten> {
  const { db } = deps;
  const now = deps.clock();
  const passwordHash = await hashOfNoPassword();
  // Two transactions, because each locks packages in the order of their ids.
  const packages = await db.write((session) => leavePackages(session, db.kind, { origin, username, heir, now }));
  return db.write(async (session) => {
    const user = await loadLockedUser(session, username);
    if (user.forgottenAt === null) {
      await evict(session, user, { origin, now, retireKeys: true }, deps);
      await eraseTraces(session, user);
      await eraseRow(session, user, passwordHash, now);
      await recordEvent(session, origin, "account.forgotten", now, { details: { username: user.username } });
    }
    return { username: user.username, changed: user.forgottenAt === null, ...packages };
  });
}

interface Leaving {
  readonly origin: Origin;
  readonly username: string;
  readonly heir: string | undefined;
  readonly now: Date;
}

async function leavePackages(session: DbSession, kind: Database["kind"], { origin, username, heir, now }: Leaving) {
  const user = await loadLockedUser(session, username);
  const successor = heir === undefined ? undefined : await loadEnabledUser(session, heir);
  if (successor?.id === user.id) throw new OperatorError("an account cannot be handed its own packages.");
  const { packageOwners, packages } = session.tables;
  const owned = await session.query
    .select({ id: packages.id, name: packages.name })
    .from(packageOwners)
    .innerJoin(packages, eq(packages.id, packageOwners.packageId))
    .where(eq(packageOwners.userId, user.id))
    .orderBy(asc(packages.id));
  const [left, handedOver]: [string[], string[]] = [[], []];
  for (const { id, name } of owned) {
    const locked = await lockNamedPackage(session, packageNameParam(name));
    const isAlone = !(await hasOtherOwner(session, id, user.id));
    (isAlone ? handedOver : left).push(name);
    if (isAlone && successor === undefined) continue;
    const about = { packageName: name };
    if (isAlone && successor !== undefined) {
      const row = { packageId: id, userId: successor.id, createdAt: now };
      await session.query.insert(packageOwners).values(row).onConflictDoNothing();
      await recordEvent(session, origin, "owner.added", now, { ...about, details: { username: successor.username } });
    }
    await session.query
      .delete(packageOwners)
      .where(and(eq(packageOwners.packageId, id), eq(packageOwners.userId, user.id)));
    await recordEvent(session, origin, "owner.removed", now, { ...about, details: { username: user.username } });
    await rebuildListing(session, kind, locked, locked.updatedAt);
  }
  if (successor === undefined && handedOver.length > 0) throw needsHeir(user.username, handedOver);
  return { left, handedOver };
}

async function hasOtherOwner({ query, tables }: DbSession, packageId: number, userId: string): Promise<boolean> {
  const { packageOwners, users } = tables;
  const others = await query
    .select({ id: users.id })
    .from(packageOwners)
    .innerJoin(users, eq(users.id, packageOwners.userId))
    .where(and(eq(packageOwners.packageId, packageId), ne(users.id, userId), isNull(users.disabledAt)))
    .limit(1);
  return others.length > 0;
}

function needsHeir(username: string, names: readonly string[]): OperatorError {
  const shown = names.slice(0, NAMED_MAX).join(", ");
  const more = names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : "";
  return new OperatorError(
    `${username} is the only owner of ${shown}${more}. Repeat with --hand-over <username>, who becomes their owner; or take them down first with admin purge.`,
  );
}

/** Deletes what belongs to an account, and what events say of the person. */
export async function eraseTraces(session: DbSession, user: UserRow): Promise<void> {
  const { query, tables } = session;
  const { apiTokens, keyChallenges, loginNetworks, ownerInvitations, accountLinks, webhooks, events } = tables;
  await forgetFailures(session, user);
  for (const table of [apiTokens, keyChallenges, loginNetworks, ownerInvitations, accountLinks, webhooks]) {
    await query.delete(table).where(eq(table.userId, user.id));
  }
  await query.update(events).set({ address: null }).where(eq(events.userId, user.id));
  await query
    .update(events)
    .set({ details: {} })
    .where(and(or(eq(events.userId, user.id), isAbout(session, user)), inArray(events.kind, LABELLED)));
}

/** Somebody else may have revoked its tokens. The name is in the details of such events. */
function isAbout({ tables: { events } }: DbSession, { username }: UserRow): SQL {
  const pattern = `%"username":"${username.replaceAll("_", "!_")}"%`;
  return sql`CAST(${events.details} AS text) LIKE ${pattern} ESCAPE '!'`;
}

async function eraseRow(
  { query, tables: { users, accountKeys } }: DbSession,
  user: UserRow,
  passwordHash: string,
  now: Date,
): Promise<void> {
  await query
    .update(accountKeys)
    .set({ label: "", retiredAt: sql`coalesce(${accountKeys.retiredAt}, ${sql.param(now, accountKeys.retiredAt)})` })
    .where(eq(accountKeys.userId, user.id));
  // The folded address must stay unique, and nobody can type an id as an e-mail address.
  const none = { email: "", emailFolded: user.id, passwordHash, role: "user" as const };
  await query
    .update(users)
    .set({ ...none, disabledAt: user.disabledAt ?? now, forgottenAt: now })
    .where(eq(users.id, user.id));
}
