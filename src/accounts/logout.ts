import { and, eq, isNull } from "drizzle-orm";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import type { Actor } from "./actor.ts";

/**
 * Ends the credential of a request: a session, or an API token, which takes itself back. It is
 * refused from the next request on.
 */
export async function logout({ db, clock }: Pick<Deps, "db" | "clock">, actor: Actor): Promise<void> {
  const { sessionId, token, origin } = actor;
  const now = clock();
  await db.write(async (session) => {
    const { sessions, apiTokens } = session.tables;
    if (sessionId !== undefined) {
      const ended = await session.query.delete(sessions).where(eq(sessions.id, sessionId)).returning();
      if (ended.length > 0) await recordEvent(session, origin, "session.ended", now);
    }
    if (token === undefined) return;
    const [revoked] = await session.query
      .update(apiTokens)
      .set({ revokedAt: now })
      .where(and(eq(apiTokens.id, token.id), isNull(apiTokens.revokedAt)))
      .returning({ id: apiTokens.id, label: apiTokens.label });
    if (revoked !== undefined) await recordEvent(session, origin, "token.revoked", now, { details: revoked });
  });
}
