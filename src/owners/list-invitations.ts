import { and, asc, eq, gt } from "drizzle-orm";
import { type Actor, coversName, requireScope } from "../accounts/actor.ts";
import type { Deps } from "../deps.ts";
import { type InvitationTerms, termsOf } from "./invitations.ts";

/** A package that an account is invited to own. */
export type OwnInvitation = { readonly package: string } & InvitationTerms;

/**
 * More invitations than an account has at one time. Those beyond are listed once others are
 * answered.
 */
const LISTED_MAX = 200;

/**
 * Lists the packages that an account is invited to own, by name. With an API token, only the
 * invitations that it may accept. Throws `insufficient_scope`.
 */
export async function listInvitations(
  { db, clock }: Pick<Deps, "db" | "clock">,
  actor: Pick<Actor, "user" | "token">,
): Promise<OwnInvitation[]> {
  const { user, token } = actor;
  requireScope(actor, "owners");
  const rows = await db.read(({ query, tables: { ownerInvitations, packages } }) => {
    const { invitedBy, createdAt, expiresAt } = ownerInvitations;
    return query
      .select({ name: packages.name, invitedBy, createdAt, expiresAt })
      .from(ownerInvitations)
      .innerJoin(packages, eq(packages.id, ownerInvitations.packageId))
      .where(and(eq(ownerInvitations.userId, user.id), gt(ownerInvitations.expiresAt, clock())))
      .orderBy(asc(packages.name))
      .limit(LISTED_MAX);
  });
  return rows
    .filter(({ name }) => token === undefined || coversName(token.packages, name))
    .map(({ name, ...invitation }) => ({ package: name, ...termsOf(invitation) }));
}
