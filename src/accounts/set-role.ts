import { eq } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { countEnabledAdmins } from "./enabled-admins.ts";
import { loadUser } from "./load-user.ts";
import type { User } from "./user.ts";

/** The result of a change of an account by an operator. */
export interface AccountChange {
  readonly username: string;
  /** False if the account was in this state already. */
  readonly changed: boolean;
  readonly enabledAdmins: number;
}

/**
 * Makes an account an administrator or a normal user. The role applies from its next request on.
 * Throws `user_not_found`.
 */
export async function setRole(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  username: string,
  role: User["role"],
): Promise<AccountChange> {
  const now = clock();
  return db.write(async (session) => {
    const { users } = session.tables;
    const user = await loadUser(session, username);
    const changed = user.role !== role;
    if (changed) {
      await session.query.update(users).set({ role }).where(eq(users.id, user.id));
      const kind = role === "admin" ? "account.role_granted" : "account.role_revoked";
      await recordEvent(session, origin, kind, now, { details: { username: user.username, role: "admin" } });
    }
    return { username: user.username, changed, enabledAdmins: await countEnabledAdmins(session) };
  });
}
