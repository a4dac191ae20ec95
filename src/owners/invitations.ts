import { and, asc, eq, gt } from "drizzle-orm";
import type { DbSession, Tables } from "../db/database.ts";

/** As the database has it. */
export type InvitationRow = Tables["ownerInvitations"]["$inferSelect"];

/** What everybody may know of an invitation. */
export interface InvitationTerms {
  readonly invitedBy: string;
  readonly createdAt: string;
  readonly expiresAt: string;
}

export function termsOf({ invitedBy, createdAt, expiresAt }: Omit<InvitationRow, "packageId" | "userId">) {
  return {
    invitedBy,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  } satisfies InvitationTerms;
}

/** The invitation of an account to own a package, unless it has expired. */
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

/** Ends an invitation, which may have expired. */
export async function deleteInvitation(
  { query, tables: { ownerInvitations } }: DbSession,
  packageId: number,
  userId: string,
): Promise<void> {
  await query
    .delete(ownerInvitations)
    .where(and(eq(ownerInvitations.packageId, packageId), eq(ownerInvitations.userId, userId)));
}

/** The open invitations of a package with the names of those invited, the oldest first. */
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
