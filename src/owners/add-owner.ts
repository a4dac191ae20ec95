import { and, eq, lt } from "drizzle-orm";
import { type Actor, requireScopeFor } from "../accounts/actor.ts";
import { loadEnabledUser } from "../accounts/load-user.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import type { PackageRow } from "../packages/views.ts";
import { deleteInvitation, findInvitation, loadInvitations } from "./invitations.ts";
import { loadOwnerRows, type OwnersView, viewOwners } from "./list-owners.ts";

const INVITATION_MS = 30 * 24 * 60 * 60_000;

/** Open invitations of one package: each is shown to somebody who did not ask for it. */
const INVITATIONS_MAX = 50;

/**
 * Invites an account to own a package, or accepts an invitation. An owner invites, and invites
 * again to renew. The invited account accepts by adding itself. Nobody becomes an owner without
 * both, nor where the inviter is no owner any more or is disabled. Adding an owner again changes
 * nothing. Throws `package_not_found`, `not_an_owner`, `user_not_found`, `limit_reached` or
 * `insufficient_scope`.
 */
export async function addOwner(
  { db, clock }: Pick<Deps, "db" | "clock">,
  actor: Actor,
  name: PackageName,
  username: string,
): Promise<OwnersView> {
  requireScopeFor(actor, name, "owners");
  const now = clock();
  return db.write(async (session) => {
    const owned = await lockNamedPackage(session, name);
    if (foldIdentity(username) === actor.user.usernameFolded) await accept(session, db.kind, owned, actor, now);
    else await invite(session, owned, actor, username, now);
    return viewOwners(session, owned.id, now);
  });
}

type Owner = Awaited<ReturnType<typeof loadOwnerRows>>[number];

const isAmong = (owners: readonly Owner[], userId: string) => owners.some((owner) => owner.userId === userId);

async function accept(session: DbSession, kind: Database["kind"], owned: PackageRow, actor: Actor, now: Date) {
  const { id: userId, username } = actor.user;
  const owners = await loadOwnerRows(session, owned.id);
  if (isAmong(owners, userId)) return;
  const invitation = await findInvitation(session, owned.id, userId, now);
  // An invitation does not count where the inviter's account was disabled since, perhaps because it
  // was taken over.
  const inviter = owners.find((owner) => owner.username === invitation?.invitedBy && owner.disabledAt === null);
  if (invitation === undefined || inviter === undefined) throw failure({ code: "not_an_owner", name: owned.name });
  await deleteInvitation(session, owned.id, userId);
  await session.query.insert(session.tables.packageOwners).values({ packageId: owned.id, userId, createdAt: now });
  // The package is found under one more author, but keeps its position in lists sorted by last
  // change.
  await rebuildListing(session, kind, owned, owned.updatedAt);
  const details = { username, invitedBy: invitation.invitedBy };
  await recordEvent(session, actor.origin, "owner.added", now, { packageName: owned.name, details });
}

async function invite(session: DbSession, owned: PackageRow, actor: Actor, asked: string, now: Date) {
  await requireOwner(session, owned, actor.user.id);
  const { id: userId, username } = await loadEnabledUser(session, asked);
  if (isAmong(await loadOwnerRows(session, owned.id), userId)) return;
  const { query, tables } = session;
  const { ownerInvitations } = tables;
  await query
    .delete(ownerInvitations)
    .where(and(eq(ownerInvitations.packageId, owned.id), lt(ownerInvitations.expiresAt, now)));
  await deleteInvitation(session, owned.id, userId);
  if ((await loadInvitations(session, owned.id, now)).length >= INVITATIONS_MAX) {
    throw failure({ code: "limit_reached", what: "open invitations of one package", max: INVITATIONS_MAX });
  }
  const expiresAt = new Date(now.getTime() + INVITATION_MS);
  const invitedBy = actor.user.username;
  await query.insert(ownerInvitations).values({ packageId: owned.id, userId, invitedBy, createdAt: now, expiresAt });
  const details = { username, expiresAt: expiresAt.toISOString() };
  await recordEvent(session, actor.origin, "owner.invited", now, { packageName: owned.name, details });
}
