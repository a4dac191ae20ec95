import { eq } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { foldIdentity } from "../domain/identity.ts";
import { failure } from "../errors.ts";
import type { UserRow } from "./user.ts";

/** The longest part of a name that a message repeats. A client may send any length. */
const NAME_SHOWN_MAX_CHARS = 64;

/**
 * Finds an account by its user name in any case, even if it is disabled. Throws `user_not_found`.
 */
export async function loadUser({ query, tables: { users } }: DbSession, username: string): Promise<UserRow> {
  const [row] = await query
    .select()
    .from(users)
    .where(eq(users.usernameFolded, foldIdentity(username)));
  if (row === undefined) throw userNotFound(username);
  return row;
}

/** Throws `user_not_found` for an account that was forgotten: nothing brings it back. */
export function requireKnown({ username, forgottenAt }: UserRow): void {
  if (forgottenAt !== null) throw failure({ code: "user_not_found", username, isForgotten: true });
}

/**
 * Finds an enabled account by its user name. Throws `user_not_found` for a disabled account too.
 */
export async function loadEnabledUser(session: DbSession, username: string): Promise<UserRow> {
  const row = await loadUser(session, username);
  if (row.disabledAt !== null) throw userNotFound(username);
  return row;
}

function userNotFound(username: string) {
  return failure({ code: "user_not_found", username: username.slice(0, NAME_SHOWN_MAX_CHARS) });
}
