import { eq } from "drizzle-orm";
import { countEnabledAdmins } from "../accounts/enabled-admins.ts";
import { loadUser } from "../accounts/load-user.ts";
import { lockAccount } from "../accounts/lock-account.ts";
import type { AccountChange } from "../accounts/set-role.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { cancelResetsBy } from "../keys/cancel-reset.ts";

/**
 * Disables or enables an account. Disabling ends its sessions. Its API tokens stay and are refused
 * while it is disabled. What it published stays. Key resets that it requested and that are pending
 * are cancelled. Throws `user_not_found`.
 */
export async function setDisabled(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  origin: Origin,
  username: string,
  isDisabled: boolean,
): Promise<AccountChange> {
  const now = clock();
  return db.write(async (session) => {
    const { sessions, users } = session.tables;
    const user = await loadUser(session, username);
    const changed = (user.disabledAt !== null) !== isDisabled;
    if (changed) {
      // Account, packages, log: the order in which a publish takes its locks. In another order, the
      // two could wait for each other.
      await lockAccount(session, user.id);
      const disabledAt = isDisabled ? now : null;
      await session.query.update(users).set({ disabledAt }).where(eq(users.id, user.id));
      await session.query.delete(sessions).where(eq(sessions.userId, user.id));
      const kind = isDisabled ? "account.disabled" : "account.enabled";
      await recordEvent(session, origin, kind, now, { details: { username: user.username } });
      if (isDisabled) await cancelResetsBy(session, user.username, origin, now, { log });
    }
    return { username: user.username, changed, enabledAdmins: await countEnabledAdmins(session) };
  });
}
