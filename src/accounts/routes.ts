import { Elysia } from "elysia";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { jsonBody, optionalJsonBody, strictJsonBody } from "../http/body.ts";
import { BODY_PROBLEMS, operation } from "../http/operation.ts";
import { contextOf } from "../http/request-context.ts";
import { logOutEverywhere } from "../moderation/log-out-everywhere.ts";
import { authentication, guardedJson, sessionGuard } from "./authentication.ts";
import { changePassword } from "./change-password.ts";
import { login } from "./login.ts";
import { logout } from "./logout.ts";
import { register } from "./register.ts";
import { ChangePasswordBody, LoginBody, LogoutBody, RegisterBody, ResetBody } from "./schemas.ts";
import { sessionToken } from "./session-token.ts";
import { setPassword } from "./set-password.ts";
import { userView } from "./user.ts";

const NEEDS_EVERYWHERE = { path: "/retireKeys", message: "needs everywhere: true" };
const readJson = [jsonBody, "application/json" as const];
const docs = {
  register: operation({
    id: "registerAccount",
    summary: "Register an account",
    tag: "accounts",
    responses: { 201: { description: "The account", schema: "UserAnswer" } },
    problems: [
      "registration_closed",
      "invitation_invalid",
      "username_reserved",
      "username_taken",
      "username_too_similar",
      "email_taken",
      "too_many_registrations",
      "busy",
      "storage_full",
      ...BODY_PROBLEMS,
    ],
  }),
  reset: operation({
    id: "resetPassword",
    summary: "Set a new password with the token of a reset link",
    description: "An administrator makes the link. It works once, and for a limited time.",
    tag: "accounts",
    responses: { 200: { description: "The account, whose password is the new one", schema: "UserAnswer" } },
    problems: ["reset_link_invalid", "account_disabled", "too_many_attempts", "busy", "storage_full", ...BODY_PROBLEMS],
  }),
  login: operation({
    id: "logIn",
    summary: "Log in with a user name or an e-mail address",
    tag: "accounts",
    responses: { 200: { description: "A token for the Authorization header", schema: "LoginAnswer" } },
    problems: ["invalid_credentials", "too_many_attempts", "busy", "storage_full", ...BODY_PROBLEMS],
  }),
  logout: operation({
    id: "logOut",
    summary: "End the credential of the request, or everything that somebody else may have",
    description:
      "Ends the session, or revokes the API token that the request has. With everywhere: true, every session and API token of the account ends, invitations that it made are withdrawn, and pending key resets that it asked for are cancelled. Keys registered in the last 30 days are listed, and retired with retireKeys: true.",
    tag: "accounts",
    auth: "account",
    responses: {
      200: { description: "With everywhere: what was taken back", schema: "Eviction" },
      204: { description: "The token of the request is no longer valid" },
    },
    problems: ["session_required", "log_rollback", "storage_full", ...BODY_PROBLEMS],
  }),
  me: operation({
    id: "readAccount",
    summary: "Read the account of the credential",
    tag: "accounts",
    auth: "account",
    responses: { 200: { description: "The account", schema: "UserAnswer" } },
    problems: [],
  }),
  password: operation({
    id: "changePassword",
    summary: "Change the password",
    description: "Ends every other session of the account, and its API tokens unless keepTokens is true.",
    tag: "accounts",
    auth: "session",
    responses: { 204: { description: "The password was changed" } },
    problems: ["invalid_credentials", "too_many_attempts", "busy", "storage_full", ...BODY_PROBLEMS],
  }),
};

/** Serves `/auth`: accounts and their sessions. */
export function accountRoutes(deps: Deps) {
  return new Elysia({ prefix: "/auth" })
    .use(authentication(deps))
    .post(
      "/register",
      async ({ body: { username, email, password, invitation }, request, status }) =>
        status(201, {
          user: await register(deps, { username, email, password, invitation }, contextOf(request).clientAddress),
        }),
      { parse: readJson, body: RegisterBody, detail: docs.register },
    )
    .post(
      "/reset",
      async ({ body: { token, password }, request }) => ({
        user: await setPassword(deps, { token, password }, contextOf(request).clientAddress),
      }),
      { parse: readJson, body: ResetBody, detail: docs.reset },
    )
    .post(
      "/login",
      async ({ body: { username, password }, request }) => {
        const opened = await login(deps, { username, password }, contextOf(request).clientAddress);
        const token = sessionToken(deps, opened);
        const { user, expiresAt } = opened;
        return { token, tokenType: "Bearer" as const, expiresAt: expiresAt.toISOString(), user: userView(user) };
      },
      { parse: readJson, body: LoginBody, detail: docs.login },
    )
    .post(
      "/logout",
      async (context) => {
        const { actor, db, body } = context;
        const { everywhere = false, retireKeys = false } = body;
        if (everywhere) {
          const owner = await sessionGuard(deps, "session")(context);
          return Response.json(await logOutEverywhere({ ...deps, db }, owner, { retireKeys }));
        }
        if (retireKeys) throw failure({ code: "validation_failed", faults: [NEEDS_EVERYWHERE] });
        await logout({ ...deps, db }, actor);
        return new Response(null, { status: 204 });
      },
      {
        account: true,
        parse: guardedJson(deps, "account", strictJsonBody(LogoutBody, optionalJsonBody)),
        body: LogoutBody,
        detail: docs.logout,
      },
    )
    .get("/me", ({ actor }) => ({ user: userView(actor.user) }), { account: true, detail: docs.me })
    .post(
      "/password",
      async ({ actor, db, body: { currentPassword, newPassword, keepTokens = false } }) => {
        await changePassword({ ...deps, db }, actor, { currentPassword, newPassword, keepTokens });
        return new Response(null, { status: 204 });
      },
      { session: true, parse: guardedJson(deps, "session"), body: ChangePasswordBody, detail: docs.password },
    );
}
