/** @jsxImportSource preact */

import { parsePackageName } from "../../domain/package-name.ts";
import { addOwner } from "../../owners/add-owner.ts";
import { listInvitations, type OwnInvitation } from "../../owners/list-invitations.ts";
import { withdrawInvitation } from "../../owners/withdraw-invitation.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { listOwned, type OwnedPackages } from "../../packages/list-owned.ts";
import type { PackageSummary } from "../../packages/views.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import { PostForm } from "./form-parts.tsx";
import { TableRegion } from "./table-region.tsx";
import { Command, countText, Day } from "./texts.tsx";

/** How many packages a page has. */
const PAGE_SIZE = 50;

function Invitations({ visit, items }: OfVisit & { readonly items: readonly OwnInvitation[] }) {
  if (items.length === 0) return null;
  return (
    <section>
      <h2>Invitations</h2>
      <p>An owner may publish, yank and change the owners of a package.</p>
      <ul class="packages">
        {items.map(({ package: name, invitedBy, expiresAt }) => (
          <li key={name} class="row">
            <div>
              <h3>
                <a href={`${visit.root}packages/${name}`}>{name}</a>
              </h3>
              <p class="hint">
                Invited by {invitedBy} · open until <Day at={expiresAt} />
              </p>
            </div>
            <PostForm visit={visit} action="account/invitations" class="actions" subject={{ package: name }}>
              <button type="submit" name="answer" value="accept" class="primary">
                Accept<span class="hidden"> to own {name}</span>
              </button>
              <button type="submit" name="answer" value="decline">
                Decline<span class="hidden"> to own {name}</span>
              </button>
            </PostForm>
          </li>
        ))}
      </ul>
    </section>
  );
}

function stateOf({ status, quarantine, latest }: PackageSummary): string | undefined {
  if (quarantine !== null) return "in quarantine";
  if (status !== "active") return status;
  return latest === null ? "no latest version" : undefined;
}

function Packages({ visit: { root }, owned }: OfVisit & { readonly owned: OwnedPackages }) {
  return (
    <>
      <TableRegion label="Packages">
        <thead>
          <tr>
            <th scope="col">Package</th>
            <th scope="col">Latest</th>
            <th scope="col">Updated</th>
            <th scope="col" class="number">
              Downloads
            </th>
            <th scope="col">
              <span class="hidden">Manage</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {owned.items.map((one) => (
            <tr key={one.name}>
              <td>
                <a href={`${root}packages/${one.name}`}>{one.name}</a>
                {stateOf(one) && (
                  <>
                    {" "}
                    <span class="badge warn">{stateOf(one)}</span>
                  </>
                )}
              </td>
              <td>{one.latest ?? "none"}</td>
              <td>
                <Day at={one.updatedAt} />
              </td>
              <td class="number">{one.downloads.toLocaleString("en")}</td>
              <td>
                <a href={`${root}packages/${one.name}/settings`}>
                  Settings<span class="hidden"> of {one.name}</span>
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      {owned.nextCursor !== null && (
        <p>
          <a href={`${root}account?${new URLSearchParams({ after: owned.nextCursor })}`}>More packages</a>
        </p>
      )}
    </>
  );
}

/** What somebody with a new account does next. */
function FirstSteps({ visit: { base } }: OfVisit) {
  return (
    <section>
      <h2>Publish your first package</h2>
      <p>You own no packages yet. On your machine:</p>
      <ol class="howto">
        <li>
          Log in. The client keeps an API token and never your password.
          <Command text={`cpm-registry login ${base}`} label="the command that logs in" />
        </li>
        <li>
          Make a package in a new directory with its name, or take the directory of one that you have.
          <Command text="cpm-registry init hello" label="the command that makes a package" />
        </li>
        <li>
          Publish it. The first time, the client makes a signing key and registers it to your account.
          <Command text="cpm-registry publish hello" label="the command that publishes" />
        </li>
      </ol>
    </section>
  );
}

/** The first page of an account: what it owns, and what it is invited to own. */
export const accountPage: PageSpec = {
  audience: "session",
  load: async (deps, visit) => {
    const visitor = visitorOf(visit);
    const after = parsePackageName(visit.query.get("after") ?? "");
    const [owned, invitations] = await Promise.all([
      listOwned(deps, visitor, { after, pageSize: PAGE_SIZE }),
      listInvitations(deps, visitor),
    ]);
    const { username, email, role, createdAt } = visitor.user;
    const isNew = owned.items.length === 0 && after === undefined;
    return framedPage(visit, {
      current: "account",
      title: username,
      children: (
        <>
          <p class="hint">
            {email} · {role === "admin" ? "administrator" : "account"} since <Day at={createdAt.toISOString()} /> ·{" "}
            <a href={`${visit.root}users/${username}`}>as others see you</a>
          </p>
          <Invitations visit={visit} items={invitations} />
          {isNew ? (
            <FirstSteps visit={visit} />
          ) : (
            <section>
              <h2>{countText(owned.items.length, "package")}</h2>
              <Packages visit={visit} owned={owned} />
            </section>
          )}
        </>
      ),
    });
  },
};

/** Accepts or declines an invitation. */
export const invitationAction: ActionSpec = {
  audience: "session",
  page: accountPage,
  act: async (deps, visit, form, db) => {
    const { visitor } = visit;
    const name = packageNameParam(form.get("package"));
    const { username } = visitor.user;
    if (form.get("answer") === "accept") {
      await addOwner({ ...deps, db }, visitor, name, username);
      return { redirect: withNotice(visit, "account", "invitation-accepted", name) };
    }
    await withdrawInvitation({ ...deps, db }, visitor, name, username);
    return { redirect: withNotice(visit, "account", "invitation-declined", name) };
  },
};
