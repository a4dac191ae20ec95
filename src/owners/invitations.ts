import { and, asc, eq, gt } from "drizzle-orm";
import type { DbSession, Tables } from "../db/database.ts";

/** An invitation as the database stores it. */
export type InvitationRow = Tables["ownerInvitations"]["$inferSelect"];

/** What everybody may know about an invitation. */
export interface InvitationTerms {
  readonly invitedBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

/** Makes the public view of an invitation. */
export function termsOf({ invitedBy, createdAt, expiresAt }: Omit<InvitationRow, "packageId" | "userId">) {
  return {
    invitedBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  } satisfies InvitationTerms;
}

/** Finds the invitation of an account to own a package, unless it has expired. */
export async function findInvitation(
  { query, tables: { ownerInvitations } }: DbSession,
  packageId: number,
  userId: string,
  now: Date,
): Promise<InvitationRow | undefined> {
  const isTheirs = and(eq(ownerInvitations.packageId, packageId), eq(ownerInvitations.userId, userId));
  const [row] = await query
    .select()
    .from(ownerInvitations)
    .where(and(isTheirs, gt(ownerInvitations.expiresAt, now)));
  return row;
}

/** Deletes an invitation, which may have expired. */
export async function deleteInvitation(
  { query, tables: { ownerInvitations } }: DbSession,
  packageId: number,
  userId: string,
): Promise<void> {
  await query
    .delete(ownerInvitations)
    .where(and(eq(ownerInvitations.packageId, packageId), eq(ownerInvitations.userId, userId)));
}

/**
 * Loads the open invitations of a package with the names of the invited accounts, the oldest first.
 */
export function loadInvitations({ query, tables }: DbSession, packageId: number, now: Date) {
  const { ownerInvitations, users } = tables;
  const { userId, invitedBy, createdAt, expiresAt } = ownerInvitations;
  return query
    .select({ userId, username: users.username, invitedBy, createdAt, expiresAt })
    .from(ownerInvitations)
    .innerJoin(users, eq(users.id, ownerInvitations.userId))
    .where(and(eq(ownerInvitations.packageId, packageId), gt(ownerInvitations.expiresAt, now)))
    .orderBy(asc(ownerInvitations.createdAt), asc(users.username));
}
