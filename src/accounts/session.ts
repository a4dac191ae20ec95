import { and, eq, gt } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import type { UserRow } from "./user.ts";

/** A login that was proved by its token and has not ended. The account is as the database has it now, role included. */
export interface Session {
  readonly id: string;
  readonly user: UserRow;
}

/** Finds a session that has neither ended nor expired, with its account. */
export async function findSession(
  { db, clock }: Pick<Deps, "db" | "clock">,
  id: string,
  userId: string,
): Promise<Session | undefined> {
  const [row] = await db.read(({ query, tables: { sessions, users } }) =>
    query
      .select({ user: users })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(and(eq(sessions.id, id), eq(sessions.userId, userId), gt(sessions.expiresAt, clock()))),
  );
  return row === undefined ? undefined : { id, user: row.user };
}
