import { eq } from "drizzle-orm";
import { endResetLinks } from "../accounts/account-links.ts";
import { countEnabledAdmins } from "../accounts/enabled-admins.ts";
import { requireKnown } from "../accounts/load-user.ts";
import { loadLockedUser } from "../accounts/lock-account.ts";
import type { AccountChange } from "../accounts/set-role.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { type Eviction, evict } from "./evict.ts";

/**
 * Disables an account, ends a link to set its password, and evicts whoever has it. What it
 * published stays. Disabling it again evicts again, so that `retireKeys` can follow later. Throws
 * `user_not_found`.
 */
export async function disableAccount(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  origin: Origin,
  username: string,
  { retireKeys }: { readonly retireKeys: boolean },
): Promise<AccountChange & Eviction> {
  const now = clock();
  return db.write(async (session) => {
    const { user, ...change } = await setDisabledAt(session, origin, username, now, "account.disabled");
    await endResetLinks(session, user.id);
    const evicted = await evict(session, user, { origin, now, retireKeys }, { log });
    return { username: user.username, ...change, ...evicted };
  });
}

/** Enables an account: its password works again. Throws `user_not_found`. */
export async function enableAccount(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  username: string,
): Promise<AccountChange> {
  return db.write(async (session) => {
    const { user, ...change } = await setDisabledAt(session, origin, username, clock(), "account.enabled");
    return { username: user.username, ...change };
  });
}

async function setDisabledAt(
  session: DbSession,
  origin: Origin,
  username: string,
  now: Date,
  kind: "account.disabled" | "account.enabled",
) {
  const { users } = session.tables;
  const user = await loadLockedUser(session, username);
  const isDisabled = kind === "account.disabled";
  if (!isDisabled) requireKnown(user);
  const changed = (user.disabledAt !== null) !== isDisabled;
  if (changed) {
    const disabledAt = isDisabled ? now : null;
    await session.query.update(users).set({ disabledAt }).where(eq(users.id, user.id));
    await recordEvent(session, origin, kind, now, { details: { username: user.username } });
  }
  return { user, changed, enabledAdmins: await countEnabledAdmins(session) };
}
