/** @jsxImportSource preact */
import type { OwnerKeyView } from "../../keys/owner-keys.ts";
import { readOwnerKeys } from "../../keys/read-owner-keys.ts";
import { removeOwner } from "../../owners/remove-owner.ts";
import { withdrawInvitation } from "../../owners/withdraw-invitation.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { Confirm, PostForm, requireConfirmed } from "./form-parts.tsx";
import { settingsFor } from "./settings-access.tsx";
import { settingsPath } from "./settings-page.tsx";
import { Command } from "./texts.tsx";

interface Removal extends OfVisit {
  readonly name: string;
  readonly username: string;
  readonly isSelf: boolean;
}

/** The keys that stay behind: they can still cancel a reset, and sign for another owner. */
function LeftKeys({
  name,
  username,
  keys,
}: Pick<Removal, "name" | "username"> & { readonly keys: readonly OwnerKeyView[] }) {
  if (keys.length === 0) return <p>No key of this account may sign the package.</p>;
  const [key, stay, it] = keys.length === 1 ? ["A key", "stays", "it"] : ["Keys", "stay", "them"];
  return (
    <>
      <p>
        {key} of this account may sign the package, and {stay} on its list after this form. Without an owner's account
        nobody can publish with {it}, but a key on the list can cancel a reset of the keys. The client removes owner and
        keys in one go, signed by a key of yours:
      </p>
      <Command text={`cpm-registry owner remove ${name} ${username}`} label="the command that removes owner and keys" />
      <p>Or remove the owner here, and afterwards:</p>
      {keys.map(({ keyId }) => (
        <Command
          key={keyId}
          text={`cpm-registry key remove ${keyId} --package ${name}`}
          label={`the command that removes the key ${keyId}`}
        />
      ))}
    </>
  );
}

function RemovalForm({ visit, name, username, isSelf, keys }: Removal & { readonly keys: readonly OwnerKeyView[] }) {
  return (
    <>
      <p>
        {isSelf
          ? `You can publish, yank and change nothing of ${name} any more. Another owner can invite you again.`
          : `${username} can publish, yank and change nothing of ${name} any more. What they published stays.`}{" "}
        Invitations that {isSelf ? "you" : "they"} made are withdrawn, and a key reset that {isSelf ? "you" : "they"}{" "}
        asked for is cancelled.
      </p>
      <LeftKeys name={name} username={username} keys={keys} />
      <PostForm visit={visit} action={`${settingsPath(name)}/remove-owner`} subject={{ username, as: "owner" }}>
        <Confirm>
          {isSelf ? `Leave ${name}: I am no owner any more.` : `Remove ${username} from the owners of ${name}.`}
        </Confirm>
        <p class="actions">
          <button type="submit" class="danger">
            {isSelf ? "Leave" : "Remove the owner"}
          </button>
          <a href={`${visit.root}${settingsPath(name)}`}>Back</a>
        </p>
      </PostForm>
    </>
  );
}

function WithdrawalForm({ visit, name, username }: Removal) {
  return (
    <PostForm visit={visit} action={`${settingsPath(name)}/remove-owner`} subject={{ username, as: "invited" }}>
      <p>{username} cannot accept it any more. You can invite the account again.</p>
      <Confirm>
        Withdraw the invitation of {username} to own {name}.
      </Confirm>
      <p class="actions">
        <button type="submit" class="danger">
          Withdraw the invitation
        </button>
        <a href={`${visit.root}${settingsPath(name)}`}>Back</a>
      </p>
    </PostForm>
  );
}

/** Asks before an owner is removed, or an invitation withdrawn, and says which keys stay. */
export const removeOwnerPage: PageSpec = {
  audience: "session",
  load: (deps, visit) =>
    settingsFor(deps, visit, async ({ name, owners }) => {
      const username = visit.sent.get("username") ?? visit.query.get("username") ?? "";
      const isOwner = owners.items.some((owner) => owner.username === username);
      const isInvited = owners.invitations.some((invited) => invited.username === username);
      const isSelf = username === visit.visitor?.user.username;
      const keys = isOwner ? await readOwnerKeys(deps, name, username) : [];
      const what = isInvited ? `Withdraw the invitation of ${username}` : `Remove ${username} from ${name}`;
      const removal = { visit, name, username, isSelf };
      return {
        title: isSelf ? `Leave ${name}` : what,
        body: (
          <>
            <p class="crumb">
              <a href={`${visit.root}${settingsPath(name)}`}>Settings of {name}</a>
            </p>
            <h1>{isSelf ? `Leave ${name}` : isOwner || isInvited ? what : "Remove an owner"}</h1>
            {isOwner && <RemovalForm {...removal} keys={keys} />}
            {isInvited && <WithdrawalForm {...removal} />}
            {!isOwner && !isInvited && (
              <p class="empty">
                This account is neither an owner of {name} nor invited.{" "}
                <a href={`${visit.root}${settingsPath(name)}`}>See who is.</a>
              </p>
            )}
          </>
        ),
      };
    }),
};

/** Removes an owner, or withdraws an invitation: whichever the form was about. */
export const removeOwnerAction: ActionSpec = {
  audience: "session",
  page: removeOwnerPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const { visitor, params } = visit;
    const name = packageNameParam(params.name);
    const username = form.get("username") ?? "";
    if (form.get("as") !== "owner") {
      await withdrawInvitation({ ...deps, db }, visitor, name, username);
      return { redirect: withNotice(visit, settingsPath(name), "invitation-withdrawn", username, name) };
    }
    await removeOwner({ ...deps, db }, visitor, name, username);
    const redirect =
      username === visitor.user.username
        ? withNotice(visit, "account", "owner-left", name)
        : withNotice(visit, settingsPath(name), "owner-removed", username, name);
    return { redirect };
  },
};
