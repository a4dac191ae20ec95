/** @jsxImportSource preact */
import { changePassword } from "../../accounts/change-password.ts";
import { listSessions, type SessionView } from "../../accounts/list-sessions.ts";
import { PASSWORD_MAX_CHARS, PASSWORD_MIN_CHARS } from "../../accounts/password.ts";
import { ChangePasswordBody } from "../../accounts/schemas.ts";
import { parseForm } from "../../http/validate.ts";
import { logOutEverywhere } from "../../moderation/log-out-everywhere.ts";
import type { ActionSpec, PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { endedCookie } from "../session-cookie.ts";
import { visitorOf } from "../visitor.ts";
import { framedPage } from "./account-frame.tsx";
import { Check, Confirm, Field, FoldedForm, PostForm, requireConfirmed } from "./form-parts.tsx";
import { ownPasswordFault } from "./own-password.ts";
import { TableRegion } from "./table-region.tsx";
import { Moment } from "./texts.tsx";

/** Tells a password manager whose password it is to keep. */
function PasswordManagerName({ visit: { visitor } }: OfVisit) {
  return (
    <label class="hidden">
      User name
      <input type="text" autocomplete="username" value={visitor?.user.username} tabindex={-1} readOnly />
    </label>
  );
}

function ChangePassword({ visit }: OfVisit) {
  return (
    <section>
      <h2>Change the password</h2>
      <p>Every other session ends. API tokens are revoked too, unless you keep them.</p>
      <PostForm visit={visit} action="account/security/password">
        <PasswordManagerName visit={visit} />
        <Field
          name="currentPassword"
          label="Password now"
          type="password"
          autocomplete="current-password"
          maxLength={PASSWORD_MAX_CHARS}
        />
        <Field
          name="newPassword"
          label="New password"
          type="password"
          autocomplete="new-password"
          maxLength={PASSWORD_MAX_CHARS}
          hint={`At least ${PASSWORD_MIN_CHARS} characters.`}
        />
        <Check name="keepTokens" checked={visit.sent.get("keepTokens") === "yes"}>
          Keep my API tokens: nobody else knew the password
        </Check>
        <button type="submit" class="primary">
          Change the password
        </button>
      </PostForm>
    </section>
  );
}

function Sessions({ visit, sessions }: OfVisit & { readonly sessions: readonly SessionView[] }) {
  return (
    <section>
      <h2>Sessions</h2>
      <TableRegion label="Sessions">
        <thead>
          <tr>
            <th scope="col">Started</th>
            <th scope="col">Ends</th>
          </tr>
        </thead>
        <tbody>
          {sessions.map(({ startedAt, expiresAt, isThis }) => (
            <tr key={startedAt}>
              <td>
                <Moment at={startedAt} /> {isThis && <span class="badge">this one</span>}
              </td>
              <td>
                <Moment at={expiresAt} />
              </td>
            </tr>
          ))}
        </tbody>
      </TableRegion>
      <FoldedForm
        visit={visit}
        summary="Somebody else may have my account…"
        action="account/security/end"
        button="End everything"
      >
        <p>
          Ends every session, this one too, and revokes every API token. Withdraws the invitations that your account
          made, and cancels the key resets that it asked for. Change the password after you have signed in again.
        </p>
        <Check name="retireKeys" checked={visit.sent.get("retireKeys") === "yes"}>
          Also retire the keys registered in the last 30 days: one of them may be a stranger's
        </Check>
        <Confirm>End all sessions and tokens of {visit.visitor?.user.username}.</Confirm>
      </FoldedForm>
    </section>
  );
}

/** The password and the sessions of an account. */
export const securityPage: PageSpec = {
  audience: "session",
  load: async (deps, visit) => {
    const sessions = await listSessions(deps, visitorOf(visit));
    return framedPage(visit, {
      current: "account/security",
      title: "Password and sessions",
      children: (
        <>
          <ChangePassword visit={visit} />
          <Sessions visit={visit} sessions={sessions} />
        </>
      ),
    });
  },
};

/** Changes the password. */
export const passwordAction: ActionSpec = {
  audience: "session",
  page: securityPage,
  act: async (deps, visit, form, db) => {
    const { visitor } = visit;
    const change = parseForm(ChangePasswordBody, {
      currentPassword: form.get("currentPassword") ?? "",
      newPassword: form.get("newPassword") ?? "",
    });
    const keepTokens = form.get("keepTokens") === "yes";
    const revoked = await changePassword({ ...deps, db }, visitor, { ...change, keepTokens }).catch(
      ownPasswordFault("currentPassword"),
    );
    const page = "account/security";
    const redirect =
      revoked === 0
        ? withNotice(visit, page, "password-changed")
        : withNotice(visit, page, "tokens-revoked", String(revoked));
    return { redirect };
  },
};

/** Ends everything that somebody else may have of the account, and this session. */
export const endSessionsAction: ActionSpec = {
  audience: "session",
  page: securityPage,
  act: async (deps, visit, form, db) => {
    requireConfirmed(form);
    await logOutEverywhere({ ...deps, db }, visit.visitor, { retireKeys: form.get("retireKeys") === "yes" });
    const redirect = withNotice(visit, "login", "signed-out-everywhere");
    return { redirect, headers: { "set-cookie": endedCookie(visit) } };
  },
};
