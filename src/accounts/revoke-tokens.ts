import { and, eq, isNull } from "drizzle-orm";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { DbSession } from "../db/database.ts";
import type { UserRow } from "./user.ts";

/** Revokes every API token of an account and records an event for each. Returns their number. */
export async function revokeTokens(
  session: DbSession,
  { id, username }: Pick<UserRow, "id" | "username">,
  origin: Origin,
  now: Date,
): Promise<number> {
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
