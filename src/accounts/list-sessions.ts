import { and, desc, eq, gt } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import type { SessionActor } from "./actor.ts";

/** The most sessions that are listed. */
const LISTED_MAX = 50;

/** A session of an account that has not ended. */
export interface SessionView {
  readonly startedAt: string;
  readonly expiresAt: string;
  /** True for the session that asks. */
  readonly isThis: boolean;
}

/** Lists the sessions of an account that have not ended, the newest first. */
export async function listSessions(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, sessionId }: SessionActor,
): Promise<SessionView[]> {
  const rows = await db.read(({ query, tables: { sessions } }) =>
    query
      .select()
      .from(sessions)
      .where(and(eq(sessions.userId, user.id), gt(sessions.expiresAt, clock())))
      .orderBy(desc(sessions.createdAt), desc(sessions.id))
      .limit(LISTED_MAX),
  );
  return rows.map(({ id, createdAt, expiresAt }) => ({
    startedAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    isThis: id === sessionId,
  }));
}
