/** @jsxImportSource preact */
import type { PackageName } from "../../domain/package-name.ts";
import { listOwners, type OwnersView } from "../../owners/list-owners.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import type { Page } from "../layout.tsx";
import type { Visit, WebDeps } from "../visit.ts";
import { visitorOf } from "../visitor.ts";

/** Who looks at the settings of a package. */
export interface SettingsAccess {
  readonly name: PackageName;
  readonly owners: OwnersView;
  /** False for an administrator who is no owner. */
  readonly isOwner: boolean;
}

/** What somebody sees of settings who may change nothing there. */
function refusedPage({ root, visitor }: Visit, name: string, owners: OwnersView): Page {
  const isInvited = owners.invitations.some(({ username }) => username === visitor?.user.username);
  return {
    title: `Settings of ${name}`,
    status: 403,
    body: (
      <div class="problem">
        <p class="status">403</p>
        <h1>You do not own {name}</h1>
        <p class="lead">
          Only its owners can change it.{" "}
          {isInvited ? (
            <>
              You are invited to be one: <a href={`${root}account`}>answer the invitation</a>.
            </>
          ) : (
            "Ask one of them to invite you:"
          )}
        </p>
        <ul>
          {owners.items.map(({ username }) => (
            <li key={username}>
              <a href={`${root}users/${username}`}>{username}</a>
            </li>
          ))}
        </ul>
        <p>
          <a href={`${root}packages/${name}`}>Back to {name}</a> · <a href={`${root}account`}>Your packages</a>
        </p>
      </div>
    ),
  };
}

/**
 * Makes a page of the settings of a package for its owners, and a refusal for everybody else.
 * Administrators come in where `admitsAdmins` says so. Throws `package_not_found`.
 */
export async function settingsFor(
  deps: WebDeps,
  visit: Visit,
  makePage: (access: SettingsAccess) => Page | Promise<Page>,
  admitsAdmins = false,
): Promise<Page> {
  const name = packageNameParam(visit.params.name);
  const owners = await listOwners(deps, name);
  const { username, role } = visitorOf(visit).user;
  const isOwner = owners.items.some((owner) => owner.username === username);
  if (!isOwner && !(admitsAdmins && role === "admin")) return refusedPage(visit, name, owners);
  return makePage({ name, owners, isOwner });
}
