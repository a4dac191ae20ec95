/** @jsxImportSource preact */
import { login } from "../../accounts/login.ts";
import { logout } from "../../accounts/logout.ts";
import { LoginBody } from "../../accounts/schemas.ts";
import { sessionToken } from "../../accounts/session-token.ts";
import { contextOf } from "../../http/request-context.ts";
import { parseForm } from "../../http/validate.ts";
import type { ActionSpec, GuestActionSpec, PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { endedCookie, sessionCookie } from "../session-cookie.ts";
import { signInTo } from "../sign-in-address.ts";
import { Field, PostForm } from "./form-parts.tsx";
import { SignedIn } from "./signed-in.tsx";

/** Only an address below this registry: a link to the sign-in must not lead anywhere else. */
const OWN_ADDRESS = /^[a-z][A-Za-z0-9/?&=%.,+~_-]*$/;

/** Returns the page to show after the sign-in, as its address below the root of the registry. */
function nextOf(fields: URLSearchParams): string {
  const next = fields.get("next") ?? "";
  return OWN_ADDRESS.test(next) && !next.includes("//") && !next.split("/").includes("..") ? next : "";
}

function SignIn({ visit, next, canRegister }: OfVisit & { readonly next: string; readonly canRegister: boolean }) {
  return (
    <>
      <PostForm visit={visit} action="login" isAlone>
        <input type="hidden" name="next" value={next} />
        <Field name="username" label="User name or e-mail address" autocomplete="username" maxLength={254} />
        <Field name="password" label="Password" type="password" autocomplete="current-password" />
        <button type="submit" class="primary">
          Sign in
        </button>
      </PostForm>
      <p>
        {canRegister ? "New here? " : "No account yet? "}
        <a href={`${visit.root}register`}>{canRegister ? "Make an account" : "How to get one"}</a>
      </p>
      <details>
        <summary>Forgot the password?</summary>
        <p>
          Ask the operator or an administrator of this registry for a link to set a new one. They make it for your
          account, and that ends every session and API token of it.
        </p>
      </details>
    </>
  );
}

/** The sign-in. It is all that a guest of a private registry sees, so it says nothing of packages. */
export const loginPage: PageSpec = {
  audience: "everybody",
  load: (deps, visit) => {
    const next = nextOf(visit.problem === undefined ? visit.query : visit.sent);
    const { visitor } = visit;
    return {
      title: "Sign in",
      body: (
        <div class="narrow">
          <h1>Sign in to {siteOf(deps).title}</h1>
          {visitor === undefined ? (
            <SignIn visit={visit} next={next} canRegister={deps.config.registration === "open"} />
          ) : (
            <SignedIn visit={visit} visitor={visitor} next={next} />
          )}
        </div>
      ),
    };
  },
};

/** Signs in with a password, and gives the browser the session in a cookie. */
export const loginAction: GuestActionSpec = {
  page: loginPage,
  act: async (deps, { request, base }, form) => {
    const typed = { username: form.get("username") ?? "", password: form.get("password") ?? "" };
    const credentials = parseForm(LoginBody, typed);
    const opened = await login(deps, credentials, contextOf(request).clientAddress);
    const cookie = sessionCookie({ base }, sessionToken(deps, opened), opened.expiresAt);
    return { redirect: nextOf(form), headers: { "set-cookie": cookie } };
  },
};

/** Ends the session, at the registry too. */
export const logoutAction: ActionSpec = {
  audience: "session",
  page: loginPage,
  act: async (deps, visit, form, db) => {
    await logout({ ...deps, db }, visit.visitor);
    return {
      redirect: withNotice(visit, signInTo(nextOf(form)), "signed-out"),
      headers: { "set-cookie": endedCookie(visit) },
    };
  },
};
