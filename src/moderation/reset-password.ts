import { eq } from "drizzle-orm";
import { type AccountLink, endResetLinks, newAccountLink, storeResetLink } from "../accounts/account-links.ts";
import { requireKnown } from "../accounts/load-user.ts";
import { loadLockedUser } from "../accounts/lock-account.ts";
import { forgetFailures } from "../accounts/login-throttle.ts";
import { hashOfNoPassword, hashPassword } from "../accounts/password.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { type Eviction, evict } from "./evict.ts";

type ResetDeps = Pick<Deps, "db" | "clock" | "log">;

/** Whose password was reset, and what the eviction took back. */
export type PasswordReset = { readonly username: string } & Eviction;

/**
 * Sets a new password without the old one, because that is lost or stolen. Deletes the failed
 * logins and evicts whoever has the account. Throws `user_not_found`.
 */
export async function resetPassword(
  deps: ResetDeps,
  origin: Origin,
  username: string,
  { password, retireKeys }: { readonly password: string; readonly retireKeys: boolean },
): Promise<PasswordReset> {
  const passwordHash = await hashPassword(password);
  return replacePassword(deps, origin, username, { passwordHash, retireKeys, link: undefined, now: deps.clock() });
}

/**
 * Ends the password of an account and makes a link by which its owner sets another one, once and
 * within some hours. The link replaces an older one. Deletes the failed logins and evicts whoever has
 * the account. Throws `user_not_found`.
 */
export async function resetPasswordByLink(
  deps: ResetDeps,
  origin: Origin,
  username: string,
  { hours, retireKeys }: { readonly hours: number; readonly retireKeys: boolean },
): Promise<PasswordReset & { readonly link: AccountLink }> {
  const passwordHash = await hashOfNoPassword();
  const now = deps.clock();
  const link = newAccountLink(now, hours);
  return { ...(await replacePassword(deps, origin, username, { passwordHash, retireKeys, link, now })), link };
}

interface Replacement {
  readonly passwordHash: string;
  readonly retireKeys: boolean;
  readonly link: AccountLink | undefined;
  readonly now: Date;
}

function replacePassword(
  { db, log }: ResetDeps,
  origin: Origin,
  username: string,
  { passwordHash, retireKeys, link, now }: Replacement,
): Promise<PasswordReset> {
  return db.write(async (session) => {
    const { users } = session.tables;
    const user = await loadLockedUser(session, username);
    requireKnown(user);
    await session.query.update(users).set({ passwordHash }).where(eq(users.id, user.id));
    await forgetFailures(session, user);
    if (link === undefined) await endResetLinks(session, user.id);
    else await storeResetLink(session, user.id, link, now);
    const details = { username: user.username, linkExpiresAt: link?.expiresAt.toISOString() };
    await recordEvent(session, origin, "account.password_reset", now, { details });
    return { username: user.username, ...(await evict(session, user, { origin, now, retireKeys }, { log })) };
  });
}
