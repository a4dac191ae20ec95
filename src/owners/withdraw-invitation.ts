import type { SessionActor } from "../accounts/actor.ts";
import { loadUser } from "../accounts/load-user.ts";
import { recordEvent } from "../audit/record-event.ts";
import type { Deps } from "../deps.ts";
import { foldIdentity } from "../domain/identity.ts";
import type { PackageName } from "../domain/package-name.ts";
import { lockNamedPackage, requireOwner } from "../packages/find-package.ts";
import { deleteInvitation, findInvitation } from "./invitations.ts";

/**
 * Withdraws an invitation, or declines it where `username` is the actor. It never removes an owner,
 * as `removeOwner` would where the invitation was accepted since somebody decided. Returns whether
 * there was an open one. Throws `package_not_found`, `not_an_owner` or `user_not_found`.
 */
export async function withdrawInvitation(
  { db, clock }: Pick<Deps, "db" | "clock">,
  { user, origin }: SessionActor,
  name: PackageName,
  username: string,
): Promise<boolean> {
  const now = clock();
  return db.write(async (session) => {
    const owned = await lockNamedPackage(session, name);
    const isOwn = foldIdentity(username) === user.usernameFolded;
    if (!isOwn) await requireOwner(session, owned, user.id);
    const invited = isOwn ? user : await loadUser(session, username);
    const invitation = await findInvitation(session, owned.id, invited.id, now);
    if (invitation === undefined) return false;
    await deleteInvitation(session, owned.id, invited.id);
    const details = { username: invited.username };
    await recordEvent(session, origin, "owner.invitation_withdrawn", now, { packageName: name, details });
    return true;
  });
}
