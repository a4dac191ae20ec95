import { and, asc, eq, gt, inArray, isNull } from "drizzle-orm";
import { forgetNetworks } from "../accounts/login-throttle.ts";
import { revokeTokens } from "../accounts/revoke-tokens.ts";
import type { UserRow } from "../accounts/user.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { cancelResetsOf, packagesResetBy } from "../keys/cancel-reset.ts";
import { type KeyView, keyView } from "../keys/key-view.ts";
import { lockNamedPackage, packageNameParam } from "../packages/find-package.ts";
import type { PackageRow } from "../packages/views.ts";
import { type DisabledWebhook, disableWebhooksOf } from "../webhooks/disable-of-account.ts";

/** A thief's key is seldom older: an owner notices a stranger's key within this time. */
const RECENT_KEYS_MS = 30 * 24 * 60 * 60_000;

/** An invitation that was withdrawn. */
export interface Withdrawn {
  readonly package: string;
  /** The invited account. */
  readonly username: string;
}

/** What an eviction took back, for the person who asked for it. */
export interface Eviction {
  readonly sessionsEnded: number;
  readonly tokensRevoked: number;
  readonly webhooksDisabled: readonly DisabledWebhook[];
  readonly invitationsWithdrawn: readonly Withdrawn[];
  /** The packages whose pending resets were cancelled. */
  readonly resetsCancelled: readonly string[];
  /**
   * Keys of the last 30 days that were not retired before. `retiredAt` says whether they are now.
   */
  readonly recentKeys: readonly KeyView[];
}

/** The options of an eviction. */
export interface EvictionRequest {
  readonly origin: Origin;
  readonly now: Date;
  /** Whether to retire the keys that were registered in the last 30 days. */
  readonly retireKeys: boolean;
}

type LogDeps = Pick<Deps, "log">;

/**
 * Ends the credentials of an account and takes back what a thief may have done with them: sessions
 * and API tokens end, webhooks are disabled, invitations that the account made are withdrawn, and
 * pending resets that it asked for are cancelled. Networks from which it logged in count as strange
 * again. Keys of the last 30 days are listed, and retired on request.
 *
 * The caller must hold the account's lock. Every write of the account takes it too, so no write
 * with an old credential comes after this. Call it last, because it locks the log.
 */
export async function evict(
  session: DbSession,
  user: Pick<UserRow, "id" | "username">,
  request: EvictionRequest,
  deps: LogDeps,
): Promise<Eviction> {
  const { query, tables } = session;
  const { origin, now } = request;
  await forgetNetworks(session, user);
  const locked = await lockTouched(session, user.username);
  const ended = await query
    .delete(tables.sessions)
    .where(eq(tables.sessions.userId, user.id))
    .returning({ id: tables.sessions.id });
  const tokensRevoked = await revokeTokens(session, user, origin, now);
  const webhooksDisabled = await disableWebhooksOf(session, user.id, now);
  const recentKeys = await endRecentKeys(session, user, request);
  const invitationsWithdrawn = await withdrawInvitations(session, user.username, locked, request);
  const resetsCancelled = await cancelResetsOf(session, locked, user.username, origin, now, deps);
  const sessionsEnded = ended.length;
  return { sessionsEnded, tokensRevoked, webhooksDisabled, invitationsWithdrawn, resetsCancelled, recentKeys };
}

/**
 * Locks the packages to which the account invited somebody or whose reset it asked for, in order of
 * their ids like every transaction that locks several packages.
 */
async function lockTouched(session: DbSession, username: string): Promise<PackageRow[]> {
  const { ownerInvitations, packages } = session.tables;
  const invited = await session.query
    .selectDistinct({ id: packages.id, name: packages.name })
    .from(ownerInvitations)
    .innerJoin(packages, eq(packages.id, ownerInvitations.packageId))
    .where(eq(ownerInvitations.invitedBy, username));
  const touched = new Map(
    [...invited, ...(await packagesResetBy(session, username))].map(({ id, name }) => [id, name]),
  );
  const locked: PackageRow[] = [];
  for (const [, name] of [...touched].toSorted(([a], [b]) => a - b)) {
    locked.push(await lockNamedPackage(session, packageNameParam(name)));
  }
  return locked;
}

/**
 * Withdraws the account's invitations to locked packages. Expired invitations are deleted without
 * an event.
 */
async function withdrawInvitations(
  session: DbSession,
  invitedBy: string,
  locked: readonly PackageRow[],
  { origin, now }: EvictionRequest,
): Promise<Withdrawn[]> {
  const { query, tables } = session;
  const { ownerInvitations, users } = tables;
  const withdrawn: Withdrawn[] = [];
  for (const { id, name } of locked) {
    const isMeant = and(eq(ownerInvitations.packageId, id), eq(ownerInvitations.invitedBy, invitedBy));
    const open = await query
      .select({ username: users.username })
      .from(ownerInvitations)
      .innerJoin(users, eq(users.id, ownerInvitations.userId))
      .where(and(isMeant, gt(ownerInvitations.expiresAt, now)))
      .orderBy(asc(users.username));
    await query.delete(ownerInvitations).where(isMeant);
    for (const { username } of open) {
      await recordEvent(session, origin, "owner.invitation_withdrawn", now, {
        packageName: name,
        details: { username },
      });
      withdrawn.push({ package: name, username });
    }
  }
  return withdrawn;
}

/** Lists the recently registered keys that are not retired, and retires them on request. */
async function endRecentKeys(
  session: DbSession,
  { id, username }: Pick<UserRow, "id" | "username">,
  { origin, now, retireKeys }: EvictionRequest,
): Promise<KeyView[]> {
  const { query, tables } = session;
  const { accountKeys } = tables;
  const since = new Date(now.getTime() - RECENT_KEYS_MS);
  const rows = await query
    .select()
    .from(accountKeys)
    .where(and(eq(accountKeys.userId, id), isNull(accountKeys.retiredAt), gt(accountKeys.createdAt, since)))
    .orderBy(asc(accountKeys.createdAt), asc(accountKeys.id));
  if (!retireKeys || rows.length === 0) return rows.map(keyView);
  const ids = rows.map((row) => row.id);
  await query.update(accountKeys).set({ retiredAt: now }).where(inArray(accountKeys.id, ids));
  const retired = rows.map((row) => keyView({ ...row, retiredAt: now }));
  for (const { keyId, publicKey } of retired) {
    await recordEvent(session, origin, "key.retired", now, { details: { keyId, publicKey, username } });
  }
  return retired;
}
