/** @jsxImportSource preact */

import { resetAddress } from "../../accounts/account-links.ts";
import type { SessionActor } from "../../accounts/actor.ts";
import { confirmPassword } from "../../accounts/confirm-password.ts";
import { PASSWORD_MAX_CHARS } from "../../accounts/password.ts";
import { type AccountDetails, readAccount } from "../../accounts/read-account.ts";
import type { Eviction } from "../../moderation/evict.ts";
import { resetPasswordByLink } from "../../moderation/reset-password.ts";
import { disableAccount, enableAccount } from "../../moderation/set-disabled.ts";
import { fieldFault } from "../form-problem.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import { accountPath } from "./admin-accounts-page.tsx";
import { Check, Confirm, Field, FoldedForm, PostForm, Result, requireConfirmed } from "./form-parts.tsx";
import { ownPasswordFault } from "./own-password.ts";
import { Command, countText, Moment } from "./texts.tsx";

/** How long a reset link works. */
const RESET_HOURS = 24;

interface OfAccount extends OfVisit {
  readonly account: AccountDetails;
}

function Facts({ visit: { root }, account }: OfAccount) {
  const { username, email, role, createdAt, state, disabledAt, sessions, tokens, keys, packages, resetLinkUntil } =
    account;
  return (
    <dl class="facts">
      <dt>User name</dt>
      <dd>
        <a href={`${root}users/${username}`}>{username}</a>{" "}
        <span class={state === "enabled" ? "badge" : "badge bad"}>{state}</span>
      </dd>
      <dt>E-mail address</dt>
      <dd>{email}</dd>
      <dt>Role</dt>
      <dd>{role === "admin" ? "administrator" : "user"}</dd>
      <dt>Made</dt>
      <dd>
        <Moment at={createdAt} />
      </dd>
      {disabledAt !== null && (
        <>
          <dt>Disabled</dt>
          <dd>
            <Moment at={disabledAt} />
          </dd>
        </>
      )}
      {resetLinkUntil !== null && (
        <>
          <dt>Password</dt>
          <dd>
            none until its reset link is used, by <Moment at={resetLinkUntil} />
          </dd>
        </>
      )}
      <dt>Has now</dt>
      <dd>
        {countText(packages, "package")}, {countText(sessions, "session")}, {countText(tokens, "API token")},{" "}
        {countText(keys, "key")}
      </dd>
    </dl>
  );
}

/** What both ways of evicting somebody take back. */
function EvictionText({ username }: { readonly username: string }) {
  return (
    <p>
      Ends the sessions of {username} and revokes the API tokens. Withdraws the invitations that the account made, and
      cancels the key resets that it asked for. What it published stays.
    </p>
  );
}

function RetireKeys({ visit }: OfVisit) {
  return (
    <Check name="retireKeys" checked={visit.sent.get("retireKeys") === "yes"}>
      Also retire the keys that it registered in the last 30 days
    </Check>
  );
}

function Changes({ visit, account: { username, disabledAt } }: OfAccount) {
  const action = accountPath(username);
  return (
    <>
      {disabledAt !== null && (
        <PostForm visit={visit} action={`${action}/enable`}>
          <p>Its password works again. Sessions and tokens that were ended stay so.</p>
          <button type="submit" class="primary">
            Enable {username}
          </button>
        </PostForm>
      )}
      <FoldedForm
        visit={visit}
        summary={disabledAt === null ? "Disable the account…" : "Disable it again, to retire keys…"}
        action={`${action}/disable`}
        button={`Disable ${username}`}
      >
        <p>Nobody can sign in to it any more.</p>
        <EvictionText username={username} />
        <RetireKeys visit={visit} />
        <Confirm>Disable {username}.</Confirm>
      </FoldedForm>
      <FoldedForm
        visit={visit}
        summary="Make a link to set a new password…"
        action={`${action}/password`}
        button={`Make a link for ${username}`}
      >
        <p>
          The old password stops working. The link is shown once, and works once and for {RESET_HOURS} hours: with it,{" "}
          {username} sets a new password. A newer link replaces it.
        </p>
        <EvictionText username={username} />
        <RetireKeys visit={visit} />
        <Field
          name="ownPassword"
          label="Your own password"
          type="password"
          autocomplete="current-password"
          maxLength={PASSWORD_MAX_CHARS}
        />
        <Confirm>End the password of {username}, and make a link to set a new one.</Confirm>
      </FoldedForm>
    </>
  );
}

/** One account, and what administrators can do to it. */
export const adminAccountPage: PageSpec = {
  audience: "admin",
  load: async (deps, visit) => {
    const account = await readAccount(deps, visit.params.username ?? "");
    const isSelf = account.id === visitorOf(visit).user.id;
    return framedPage(visit, {
      current: "admin/accounts",
      title: account.username,
      children: (
        <>
          <Facts visit={visit} account={account} />
          <section>
            <h2>Change</h2>
            {isSelf ? (
              <p class="empty">
                This is your own account. <a href={`${visit.root}account/security`}>Change your password</a> there;
                another administrator or the operator can disable it.
              </p>
            ) : (
              <Changes visit={visit} account={account} />
            )}
          </section>
        </>
      ),
    });
  },
};

/** An administrator who locks themselves out would need the operator to come back. */
function otherThan(visitor: SessionActor, username: string): string {
  if (username.toLowerCase() !== visitor.user.username.toLowerCase()) return username;
  throw fieldFault("username", "must not be your own");
}

/** Disables an account. */
export const disableAction: ActionSpec = {
  audience: "admin",
  page: adminAccountPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const { visitor, params } = visit;
    const username = otherThan(visitor, params.username ?? "");
    await disableAccount({ ...deps, db }, visitor.origin, username, { retireKeys: form.get("retireKeys") === "yes" });
    return { redirect: withNotice(visit, accountPath(username), "account-disabled", username) };
  },
};

/** Enables an account. */
export const enableAction: ActionSpec = {
  audience: "admin",
  page: adminAccountPage,
  act: async (deps, visit, _form, db) => {
    const { username } = await enableAccount({ ...deps, db }, visit.visitor.origin, visit.params.username ?? "");
    return { redirect: withNotice(visit, accountPath(username), "account-enabled", username) };
  },
};

function Evicted({ evicted }: { readonly evicted: Eviction }) {
  const { sessionsEnded, tokensRevoked, webhooksDisabled, invitationsWithdrawn, resetsCancelled, recentKeys } = evicted;
  const retired = recentKeys.filter(({ retiredAt }) => retiredAt !== null).length;
  return (
    <ul>
      <li>
        Ended {countText(sessionsEnded, "session")} and revoked {countText(tokensRevoked, "API token")}.
      </li>
      {webhooksDisabled.length > 0 && (
        <li>
          Disabled {countText(webhooksDisabled.length, "webhook")}:{" "}
          {webhooksDisabled.map(({ host }) => host).join(", ")}
        </li>
      )}
      <li>
        Withdrew {countText(invitationsWithdrawn.length, "invitation")} and cancelled{" "}
        {countText(resetsCancelled.length, "key reset")}.
      </li>
      <li>
        {countText(recentKeys.length, "key")} of the last 30 days, {retired} of them retired.
      </li>
    </ul>
  );
}

/** Ends the password of an account, and shows a link once by which its owner sets another one. */
export const resetPasswordAction: ActionSpec = {
  audience: "admin",
  page: adminAccountPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    const { visitor, params } = visit;
    const username = otherThan(visitor, params.username ?? "");
    await confirmPassword({ ...deps, db }, visitor, form.get("ownPassword") ?? "").catch(
      ownPasswordFault("ownPassword"),
    );
    const change = { hours: RESET_HOURS, retireKeys: form.get("retireKeys") === "yes" };
    const reset = await resetPasswordByLink({ ...deps, db }, visitor.origin, username, change);
    const { token, expiresAt } = reset.link;
    return framedPage(visit, {
      current: "admin/accounts",
      title: `Reset link for ${reset.username}`,
      children: (
        <>
          <Result>
            <strong>Copy the link now</strong> and send it to {reset.username} on a channel that you trust. It is shown
            once.
          </Result>
          <Command text={resetAddress(visit.base, token)} label="the link" isPlain />
          <p>
            It works once, until <Moment at={expiresAt.toISOString()} />. The old password does not work any more.
          </p>
          <Evicted evicted={reset} />
          <p>
            <a class="button" href={`${visit.root}${accountPath(reset.username)}`}>
              Back to {reset.username}
            </a>
          </p>
        </>
      ),
    });
  },
};
