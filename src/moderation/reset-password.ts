import { eq } from "drizzle-orm";
import { requireKnown } from "../accounts/load-user.ts";
import { loadLockedUser } from "../accounts/lock-account.ts";
import { forgetFailures } from "../accounts/login-throttle.ts";
import { hashPassword } from "../accounts/password.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { type Eviction, evict } from "./evict.ts";

/**
 * Sets a new password without the old one, because that is lost or stolen. Deletes the failed
 * logins and evicts whoever has the account. Throws `user_not_found`.
 */
export async function resetPassword(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  origin: Origin,
  username: string,
  { password, retireKeys }: { readonly password: string; readonly retireKeys: boolean },
): Promise<{ readonly username: string } & Eviction> {
  const passwordHash = await hashPassword(password);
  const now = clock();
  return db.write(async (session) => {
    const { users } = session.tables;
    const user = await loadLockedUser(session, username);
    requireKnown(user);
    await session.query.update(users).set({ passwordHash }).where(eq(users.id, user.id));
    await forgetFailures(session, user);
    await recordEvent(session, origin, "account.password_reset", now, { details: { username: user.username } });
    return { username: user.username, ...(await evict(session, user, { origin, now, retireKeys }, { log })) };
  });
}
