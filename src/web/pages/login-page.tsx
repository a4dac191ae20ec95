/** @jsxImportSource preact */
import { login } from "../../accounts/login.ts";
import { logout } from "../../accounts/logout.ts";
import { sessionToken } from "../../accounts/session-token.ts";
import { contextOf } from "../../http/request-context.ts";
import type { ActionSpec, GuestActionSpec, PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { endedCookie, sessionCookie } from "../session-cookie.ts";
import { Field, PostForm, ProblemBanner } from "./form-parts.tsx";

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
      <ProblemBanner visit={visit} />
      <PostForm visit={visit} action="login">
        <input type="hidden" name="next" value={next} />
        <Field visit={visit} name="username" label="User name or e-mail address" autocomplete="username" />
        <Field visit={visit} name="password" label="Password" type="password" autocomplete="current-password" />
        <button type="submit" class="primary">
          Sign in
        </button>
      </PostForm>
      {canRegister && (
        <p>
          New here? <a href={`${visit.root}register`}>Make an account</a>
        </p>
      )}
    </>
  );
}

/** The sign-in. It is all that a guest of a private registry sees, so it says nothing of packages. */
export const loginPage: PageSpec = {
  audience: "everybody",
  load: (deps, visit) => {
    const next = nextOf(visit.problem === undefined ? visit.query : visit.sent);
    return {
      title: "Sign in",
      body: (
        <div class="narrow">
          <h1>Sign in to {siteOf(deps).title}</h1>
          <SignIn visit={visit} next={next} canRegister={deps.config.registration === "open"} />
        </div>
      ),
    };
  },
};

/** Signs in with a password, and gives the browser the session in a cookie. */
export const loginAction: GuestActionSpec = {
  page: loginPage,
  act: async (deps, { request, base }, form) => {
    const credentials = { username: form.get("username") ?? "", password: form.get("password") ?? "" };
    const opened = await login(deps, credentials, contextOf(request).clientAddress);
    const cookie = sessionCookie({ base }, sessionToken(deps, opened), opened.expiresAt);
    return { redirect: nextOf(form), headers: { "set-cookie": cookie } };
  },
};

/** Ends the session, at the registry too. */
export const logoutAction: ActionSpec = {
  audience: "session",
  page: loginPage,
  act: async (deps, { visitor, base }, _form, db) => {
    await logout({ ...deps, db }, visitor);
    return { redirect: "", headers: { "set-cookie": endedCookie({ base }) } };
  },
};
