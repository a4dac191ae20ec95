import { and, eq, ne } from "drizzle-orm";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { SessionActor } from "./actor.ts";
import { forgetOwnFailures, tryPassword } from "./login-throttle.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { revokeTokens } from "./revoke-tokens.ts";

/** The passwords of a change, and whether API tokens survive it. */
export interface PasswordChange {
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly keepTokens: boolean;
}

/**
 * Sets a new password, ends every other session of the account, and revokes its API tokens unless
 * they are kept: whoever knew the old password may have made one. Returns how many tokens were
 * revoked. Throws `invalid_credentials` if the current password is wrong or was changed by somebody
 * else meanwhile. Throws `too_many_attempts` like a login, because a stolen session must not help to
 * guess the password.
 */
export async function changePassword(
  deps: Pick<Deps, "db" | "clock">,
  actor: SessionActor,
  { currentPassword, newPassword, keepTokens }: PasswordChange,
): Promise<number> {
  const { db, clock } = deps;
  const { id: userId, username, passwordHash } = actor.user;
  const attempt = { name: username, address: actor.origin.address };
  const matches = await tryPassword(deps, attempt, () => verifyPassword(currentPassword, passwordHash));
  if (!matches) throw failure({ code: "invalid_credentials" });
  const newHash = await hashPassword(newPassword);
  const now = clock();
  return db.write(async (session) => {
    const { query, tables } = session;
    const { users, sessions } = tables;
    const changed = await query
      .update(users)
      .set({ passwordHash: newHash })
      .where(and(eq(users.id, userId), eq(users.passwordHash, passwordHash)))
      .returning({ id: users.id });
    if (changed.length === 0) throw failure({ code: "invalid_credentials" });
    await forgetOwnFailures(session, attempt);
    await query.delete(sessions).where(and(eq(sessions.userId, userId), ne(sessions.id, actor.sessionId)));
    await recordEvent(session, actor.origin, "account.password_changed", now);
    return keepTokens ? 0 : revokeTokens(session, actor.user, actor.origin, now);
  });
}
