import { and, eq, isNull } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { loadUser } from "./load-user.ts";
import { forgetFailures } from "./login-throttle.ts";
import { hashPassword } from "./password.ts";
import type { UserRow } from "./user.ts";

/**
 * Sets a new password without the old one, because that is lost or stolen. Ends every session,
 * revokes every API token, and deletes the failed logins. Throws `user_not_found`.
 */
export async function resetPassword(
  { db, clock }: Pick<Deps, "db" | "clock">,
  origin: Origin,
  username: string,
  password: string,
): Promise<{ readonly username: string; readonly tokensRevoked: number }> {
  const passwordHash = await hashPassword(password);
  const now = clock();
  return db.write(async (session) => {
    const { query, tables } = session;
    const { sessions, users } = tables;
    const user = await loadUser(session, username);
    await query.update(users).set({ passwordHash }).where(eq(users.id, user.id));
    await query.delete(sessions).where(eq(sessions.userId, user.id));
    await forgetFailures(session, user.id);
    await recordEvent(session, origin, "account.password_reset", now, { details: { username: user.username } });
    return { username: user.username, tokensRevoked: await revokeTokens(session, origin, user, now) };
  });
}

async function revokeTokens(session: DbSession, origin: Origin, { id, username }: UserRow, now: Date): Promise<number> {
  const { apiTokens } = session.tables;
  const revoked = await session.query
    .update(apiTokens)
    .set({ revokedAt: now })
    .where(and(eq(apiTokens.userId, id), isNull(apiTokens.revokedAt)))
    .returning({ id: apiTokens.id, label: apiTokens.label });
  for (const token of revoked) {
    await recordEvent(session, origin, "token.revoked", now, { details: { ...token, username } });
  }
  return revoked.length;
}
