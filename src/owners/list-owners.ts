import { asc, eq } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { loadPackage } from "../packages/find-package.ts";
import { type InvitationTerms, loadInvitations, termsOf } from "./invitations.ts";

/** The owners of a package with the time when each became one, and the open invitations. */
export interface OwnersView {
  readonly items: readonly { readonly username: string; readonly since: string }[];
  readonly invitations: readonly ({ readonly username: string } & InvitationTerms)[];
}

/** Lists the owners of a package, the first to become one first. Throws `package_not_found`. */
export function listOwners({ db, clock }: Pick<Deps, "db" | "clock">, name: PackageName): Promise<OwnersView> {
  return db.read(async (session) => viewOwners(session, (await loadPackage(session, name)).id, clock()));
}

/** Makes the view of a package's owners and open invitations. */
export async function viewOwners(session: DbSession, packageId: number, now: Date): Promise<OwnersView> {
  const owners = await loadOwnerRows(session, packageId);
  const invitations = await loadInvitations(session, packageId, now);
  return {
    items: owners.map(({ username, since }) => ({ username, since: since.toISOString() })),
    invitations: invitations.map(({ username, ...invitation }) => ({ username, ...termsOf(invitation) })),
  };
}

/**
 * Loads the owners of a package with the names of their accounts and whether these are disabled.
 */
export function loadOwnerRows({ query, tables: { packageOwners, users } }: DbSession, packageId: number) {
  const { userId, createdAt: since } = packageOwners;
  return query
    .select({ userId, since, username: users.username, disabledAt: users.disabledAt })
    .from(packageOwners)
    .innerJoin(users, eq(users.id, packageOwners.userId))
    .where(eq(packageOwners.packageId, packageId))
    .orderBy(asc(packageOwners.createdAt), asc(users.username));
}
