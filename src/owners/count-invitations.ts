import { and, eq, gt } from "drizzle-orm";
import type { SessionActor } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";

/** Counts the open invitations of an account to own packages. */
export function countInvitations(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user }: Pick<SessionActor, "user">,
): Promise<number> {
  return db.read(({ query, tables: { ownerInvitations } }) =>
    query.$count(ownerInvitations, and(eq(ownerInvitations.userId, user.id), gt(ownerInvitations.expiresAt, clock()))),
  );
}
