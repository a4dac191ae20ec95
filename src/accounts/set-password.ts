import { eq } from "drizzle-orm";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { requireByResetLink, spendResetLink } from "./account-links.ts";
import { lockAccount } from "./lock-account.ts";
import { forgetFailures, tryLink } from "./login-throttle.ts";
import { hashPassword } from "./password.ts";
import { type User, type UserRow, userView } from "./user.ts";

/** The token of a reset link, and the password that its holder wants. */
export interface PasswordByLink {
  readonly token: string;
  readonly password: string;
}

/**
 * Sets the password of an account by a link that an administrator made, and uses the link up.
 * Forgets the failed logins. It ends no session or token, because making the link ended them all.
 * Throws `reset_link_invalid`, `too_many_attempts` after many of these, `account_disabled`
 * or `busy`. A link to a disabled account stays valid.
 */
export function setPassword(
  deps: Pick<Deps, "db" | "clock">,
  { token, password }: PasswordByLink,
  address: string | null,
): Promise<User> {
  const { db, clock } = deps;
  return tryLink(deps, address, async () => {
    // Checked before the expensive hash, so that a stranger cannot make the server hash passwords.
    const { id } = requireEnabled(await db.read((session) => requireByResetLink(session, token, clock())));
    const passwordHash = await hashPassword(password);
    const now = clock();
    return db.write(async (session) => {
      await lockAccount(session, id);
      const user = requireEnabled(await spendResetLink(session, token, now));
      const { users } = session.tables;
      await session.query.update(users).set({ passwordHash }).where(eq(users.id, id));
      await forgetFailures(session, user);
      const origin = { userId: id, username: user.username, address, tokenId: null };
      await recordEvent(session, origin, "account.password_changed", now, { details: { byLink: true } });
      return userView(user);
    });
  });
}

function requireEnabled(user: UserRow): UserRow {
  if (user.disabledAt !== null) throw failure({ code: "account_disabled" });
  return user;
}
