import { eq } from "drizzle-orm";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import type { SessionActor } from "./actor.ts";

/** Ends a session. Its token is refused from the next request on. */
export async function logout({ db, clock }: Pick<Deps, "db" | "clock">, actor: SessionActor): Promise<void> {
  const now = clock();
  await db.write(async (session) => {
    const { sessions } = session.tables;
    const ended = await session.query.delete(sessions).where(eq(sessions.id, actor.sessionId)).returning();
    if (ended.length > 0) await recordEvent(session, actor.origin, "session.ended", now);
  });
}
