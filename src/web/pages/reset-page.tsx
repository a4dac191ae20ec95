/** @jsxImportSource preact */
import { findByResetLink } from "../../accounts/account-links.ts";
import { ResetBody } from "../../accounts/schemas.ts";
import { setPassword } from "../../accounts/set-password.ts";
import { contextOf } from "../../http/request-context.ts";
import { parseForm } from "../../http/validate.ts";
import type { GuestActionSpec, PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { problemForPeople } from "../page-problem.ts";
import type { Visit, WebDeps } from "../visit.ts";
import { Field, PostForm } from "./form-parts.tsx";
import { NewPasswordField } from "./new-password-field.tsx";

/** The token in the link. A form that was refused has it among its fields. */
function tokenOf({ query, sent, problem }: Visit): string {
  return (problem === undefined ? query : sent).get("token") ?? "";
}

/** Returns whose password the link sets. Undefined if it is of no use. */
async function ownerOf({ db, clock }: WebDeps, token: string): Promise<string | undefined> {
  return (await db.read((session) => findByResetLink(session, token, clock())))?.username;
}

function ResetForm({ visit, username }: OfVisit & { readonly username: string }) {
  return (
    <PostForm visit={visit} action="reset" isAlone>
      <input type="hidden" name="token" value={tokenOf(visit)} />
      <Field name="username" label="User name" autocomplete="username" value={username} isFixed />
      <NewPasswordField label="New password" />
      <button type="submit" class="primary">
        Set the password
      </button>
    </PostForm>
  );
}

function Invalid({ visit }: OfVisit) {
  return (
    <>
      <p>{problemForPeople({ code: "reset_link_invalid" }).detail}</p>
      <p>
        Know the password? <a href={`${visit.root}login`}>Sign in</a>
      </p>
    </>
  );
}

/** Where the link of an administrator leads: its holder sets a new password. */
export const resetPage: PageSpec = {
  audience: "everybody",
  isSecret: true,
  load: async (deps, visit) => {
    const username = await ownerOf(deps, tokenOf(visit));
    const isValid = username !== undefined;
    return {
      title: isValid ? "Set a new password" : "Reset link not valid",
      status: isValid ? 200 : 403,
      body: (
        <div class="narrow">
          <h1>{isValid ? `Set a new password at ${siteOf(deps).title}` : "This link is not valid"}</h1>
          {isValid ? <ResetForm visit={visit} username={username} /> : <Invalid visit={visit} />}
        </div>
      ),
    };
  },
};

/** Sets the password, and leads to the sign-in. */
export const resetAction: GuestActionSpec = {
  page: resetPage,
  act: async (deps, visit, form) => {
    const typed = { token: form.get("token") ?? "", password: form.get("password") ?? "" };
    await setPassword(deps, parseForm(ResetBody, typed), contextOf(visit.request).clientAddress);
    return { redirect: withNotice(visit, "login", "password-set") };
  },
};
