import { and, eq } from "drizzle-orm";
import { type Actor, requireScopeFor } from "../accounts/actor.ts";
import { loadUser } from "../accounts/load-user.ts";
import type { UserRow } from "../accounts/user.ts";
import { type Origin, recordEvent } from "../audit/record-event.ts";
import type { Database, DbSession } from "../db/database.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { cancelResetsOf } from "../keys/cancel-reset.ts";
import { keysOfOwner, type OwnerKeyRemoval, type OwnerKeyView, removeOwnerKeys } from "../keys/owner-keys.ts";
import { lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { rebuildListing } from "../packages/rebuild-listing.ts";
import type { PackageRow } from "../packages/views.ts";
import { deleteInvitation, loadInvitations } from "./invitations.ts";
import { loadOwnerRows, type OwnersView, viewOwners } from "./list-owners.ts";

/**
 * The owners of a package after one was removed, and the keys that the removed account left behind.
 */
export interface OwnerRemoved extends OwnersView {
  /** The account's keys that may still sign the package. */
  readonly keys: readonly OwnerKeyView[];
}

/**
 * Removes an owner, or withdraws an invitation, and removes keys of that account from the package
 * where an owner's session sends signatures for it. An owner may remove anybody; owners and invited
 * accounts may remove themselves. Safe to repeat for an owner; an account that has left is refused
 * like any other. Throws `package_not_found`, `not_an_owner`, `user_not_found`,
 * `insufficient_scope`, `session_required`, what `removeOwnerKeys` throws, or `last_owner` where no
 * owner would be left whose account is enabled.
 */
export async function removeOwner(
  { db, clock, log }: Pick<Deps, "db" | "clock" | "log">,
  actor: Actor,
  name: PackageName,
  username: string,
  keys: readonly OwnerKeyRemoval[] = [],
): Promise<OwnerRemoved> {
  // No API token changes keys.
  if (keys.length > 0 && actor.sessionId === undefined) throw failure({ code: "session_required" });
  requireScopeFor(actor, name, "owners");
  const { origin } = actor;
  const now = clock();
  return db.write(async (session) => {
    // The lock serialises two owners who leave at the same time, and the second finds itself the
    // last.
    const owned = await lockNamedPackage(session, name);
    const leaving = await userOf(session, owned, actor, username);
    if (keys.length > 0) await requireOwner(session, owned, actor.user.id);
    const withdrawn = await withdraw(session, owned, origin, now, (invited) => invited.userId === leaving.id);
    const removed = await remove(session, db.kind, owned, leaving, origin, now);
    if (!withdrawn && !removed) await requireOwner(session, owned, actor.user.id);
    const change = { changed: owned, actor, holder: leaving };
    const logKeys = await removeOwnerKeys(session, { log }, change, keys, now);
    const owners = await viewOwners(session, owned.id, now);
    const left = await keysOfOwner(session, owned, leaving, now);
    // Last, because the log is locked from here on. The leaves of keys come first: their signer
    // could not foresee the leaf of a cancelled reset.
    await cancelResetsOf(session, removed ? [owned] : [], leaving.username, origin, now, { log }, logKeys);
    return { ...owners, keys: left };
  });
}

async function userOf(session: DbSession, owned: PackageRow, actor: Actor, username: string): Promise<UserRow> {
  if (foldIdentity(username) === actor.user.usernameFolded) return actor.user;
  await requireOwner(session, owned, actor.user.id);
  return loadUser(session, username);
}

async function remove(
  session: DbSession,
  kind: Database["kind"],
  owned: PackageRow,
  { id: userId, username }: UserRow,
  origin: Origin,
  now: Date,
): Promise<boolean> {
  const owners = await loadOwnerRows(session, owned.id);
  const staying = owners.filter((owner) => owner.userId !== userId);
  if (staying.length === owners.length) return false;
  if (staying.every(({ disabledAt }) => disabledAt !== null)) throw failure({ code: "last_owner", name: owned.name });
  // Otherwise the removed owner could come back through an account that they invited, or with a key
  // whose reset they requested.
  await withdraw(session, owned, origin, now, ({ invitedBy }) => invitedBy === username);
  const { packageOwners } = session.tables;
  await session.query
    .delete(packageOwners)
    .where(and(eq(packageOwners.packageId, owned.id), eq(packageOwners.userId, userId)));
  // The package is found under one author fewer, but keeps its position in lists sorted by last
  // change.
  await rebuildListing(session, kind, owned, owned.updatedAt);
  await recordEvent(session, origin, "owner.removed", now, { packageName: owned.name, details: { username } });
  return true;
}

type Invited = Awaited<ReturnType<typeof loadInvitations>>[number];

async function withdraw(
  session: DbSession,
  owned: PackageRow,
  origin: Origin,
  now: Date,
  isMeant: (invited: Invited) => boolean,
): Promise<boolean> {
  const meant = (await loadInvitations(session, owned.id, now)).filter(isMeant);
  for (const { userId, username } of meant) {
    await deleteInvitation(session, owned.id, userId);
    const subject = { packageName: owned.name, details: { username } };
    await recordEvent(session, origin, "owner.invitation_withdrawn", now, subject);
  }
  return meant.length > 0;
}
