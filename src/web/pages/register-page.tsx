/** @jsxImportSource preact */
import { findOpenInvitation } from "../../accounts/account-links.ts";
import { login } from "../../accounts/login.ts";
import { register } from "../../accounts/register.ts";
import { RegisterBody } from "../../accounts/schemas.ts";
import { sessionToken } from "../../accounts/session-token.ts";
import { Failure } from "../../errors.ts";
import { contextOf } from "../../http/request-context.ts";
import { parseForm } from "../../http/validate.ts";
import type { GuestActionSpec, PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { withNotice } from "../notices.tsx";
import { sessionCookie } from "../session-cookie.ts";
import type { Visit } from "../visit.ts";
import { Field, PostForm } from "./form-parts.tsx";
import { NewPasswordField } from "./new-password-field.tsx";
import { SignedIn } from "./signed-in.tsx";
import { InlineCommand } from "./texts.tsx";

/** The token in the link of an invitation. A form that was refused has it among its fields. */
function invitationOf({ query, sent, problem }: Visit): string {
  return (problem === undefined ? query : sent).get("invitation") ?? "";
}

interface Invited {
  readonly invitation: string;
  /** The only address that may use the invitation. Null for any. */
  readonly email: string | null;
}

function RegisterForm({ visit, invitation, email }: OfVisit & Invited) {
  return (
    <>
      {email !== null && (
        <p>
          This invitation is for <strong>{email}</strong>, and makes an account with this address only.
        </p>
      )}
      <PostForm visit={visit} action="register" isAlone>
        {invitation !== "" && <input type="hidden" name="invitation" value={invitation} />}
        <Field
          name="username"
          label="User name"
          autocomplete="username"
          maxLength={64}
          hint="Everybody sees it. Letters and digits, with . _ - between them. It cannot be changed."
        />
        <Field
          name="email"
          label="E-mail address"
          type="email"
          {...(email === null ? {} : { value: email })}
          autocomplete="email"
          maxLength={254}
          hint="Only you and the administrators see it. You can sign in with it."
        />
        <NewPasswordField label="Password" />
        <button type="submit" class="primary">
          Make the account
        </button>
      </PostForm>
      <p>
        Have an account? <a href={`${visit.root}login`}>Sign in</a>
      </p>
    </>
  );
}

function Closed({ visit }: OfVisit) {
  return (
    <>
      <p>
        A new account of this registry needs an invitation. Ask an administrator or the operator for a link. They make
        it under Admin, Invitations, or on the machine with <InlineCommand text="cpm-registry admin invite" />.
      </p>
      <p>
        Have an account? <a href={`${visit.root}login`}>Sign in</a>
      </p>
    </>
  );
}

/** Makes an account where everybody may, and says whom to ask elsewhere. */
export const registerPage: PageSpec = {
  audience: "everybody",
  load: async (deps, visit) => {
    const asked = invitationOf(visit);
    const found =
      asked === "" ? undefined : await deps.db.read((session) => findOpenInvitation(session, asked, deps.clock()));
    const isInvited = found !== undefined;
    const isOpen = deps.config.registration === "open" || isInvited;
    const invited = { invitation: isInvited ? asked : "", email: found?.email ?? null };
    return {
      title: "Make an account",
      body: (
        <div class="narrow">
          <h1>{isOpen ? `Make an account at ${siteOf(deps).title}` : "Registration is closed"}</h1>
          {asked !== "" && !isInvited && visit.problem === undefined && (
            <p class="banner warn">
              <strong>This invitation is not valid.</strong> It is unknown, used or expired
              {isOpen ? ", but you need none here." : "."}
            </p>
          )}
          {visit.visitor !== undefined && <SignedIn visit={visit} visitor={visit.visitor} next="account" />}
          {visit.visitor === undefined &&
            (isOpen ? <RegisterForm visit={visit} {...invited} /> : <Closed visit={visit} />)}
        </div>
      ),
    };
  },
};

/** Makes an account and signs in with it. */
export const registerAction: GuestActionSpec = {
  page: registerPage,
  act: async (deps, visit, form) => {
    const { request, base } = visit;
    const [username, email, password] = ["username", "email", "password"].map((name) => form.get(name) ?? "");
    const address = contextOf(request).clientAddress;
    const invitation = form.get("invitation") || undefined;
    const registration = parseForm(RegisterBody, { username, email, password, ...(invitation && { invitation }) });
    await register(deps, registration, address);
    try {
      const opened = await login(deps, registration, address);
      const cookie = sessionCookie({ base }, sessionToken(deps, opened), opened.expiresAt);
      return { redirect: withNotice(visit, "account", "registered"), headers: { "set-cookie": cookie } };
    } catch (cause) {
      // The account is made, whatever keeps it from a session now, such as failed logins of others.
      if (!(cause instanceof Failure)) throw cause;
      return { redirect: withNotice(visit, "login", "registered-only") };
    }
  },
};
