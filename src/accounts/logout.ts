import { eq } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import type { Session } from "./session.ts";

/** Ends a session: its token is refused from the next request on. */
export async function logout({ db }: Pick<Deps, "db">, session: Session): Promise<void> {
  await db.write(async ({ query, tables: { sessions } }) => {
    await query.delete(sessions).where(eq(sessions.id, session.id));
  });
}
