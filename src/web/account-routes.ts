import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import { actionHandler, guestActionHandler, pageHandler, pageOfFormHandler } from "./handlers.ts";
import { keysPage, retireKeyAction } from "./pages/account-keys-page.tsx";
import { accountPage, invitationAction } from "./pages/account-page.tsx";
import { endSessionsAction, passwordAction, securityPage } from "./pages/account-security-page.tsx";
import { createTokenAction, revokeTokenAction, tokensPage } from "./pages/account-tokens-page.tsx";
import {
  removeWebhookAction,
  replayWebhookAction,
  testWebhookAction,
  webhookPage,
} from "./pages/account-webhook-page.tsx";
import { createWebhookAction, webhooksPage } from "./pages/account-webhooks-page.tsx";
import { loginAction, loginPage, logoutAction } from "./pages/login-page.tsx";
import { registerAction, registerPage } from "./pages/register-page.tsx";
import { resetAction, resetPage } from "./pages/reset-page.tsx";
import { FORM, HIDDEN } from "./route-options.ts";
import type { WebDeps } from "./visit.ts";

/** Signing in, and the pages of one's own account. */
export function accountPages(deps: WebDeps) {
  return new Elysia()
    .use(authentication(deps))
    .get("/login", pageHandler(deps, loginPage), HIDDEN)
    .post("/login", guestActionHandler(deps, loginAction), FORM)
    .get("/register", pageHandler(deps, registerPage), HIDDEN)
    .post("/register", guestActionHandler(deps, registerAction), FORM)
    .get("/reset", pageHandler(deps, resetPage), HIDDEN)
    .post("/reset", guestActionHandler(deps, resetAction), FORM)
    .get("/logout", pageOfFormHandler(), HIDDEN)
    .post("/logout", actionHandler(deps, logoutAction), FORM)
    .get("/account", pageHandler(deps, accountPage), HIDDEN)
    .get("/account/invitations", pageOfFormHandler(), HIDDEN)
    .post("/account/invitations", actionHandler(deps, invitationAction), FORM)
    .get("/account/tokens", pageHandler(deps, tokensPage), HIDDEN)
    .post("/account/tokens", actionHandler(deps, createTokenAction), FORM)
    .get("/account/tokens/revoke", pageOfFormHandler(), HIDDEN)
    .post("/account/tokens/revoke", actionHandler(deps, revokeTokenAction), FORM)
    .get("/account/keys", pageHandler(deps, keysPage), HIDDEN)
    .get("/account/keys/retire", pageOfFormHandler(), HIDDEN)
    .post("/account/keys/retire", actionHandler(deps, retireKeyAction), FORM)
    .get("/account/webhooks", pageHandler(deps, webhooksPage), HIDDEN)
    .post("/account/webhooks", actionHandler(deps, createWebhookAction), FORM)
    .get("/account/webhooks/:id", pageHandler(deps, webhookPage), HIDDEN)
    .get("/account/webhooks/:id/test", pageOfFormHandler(), HIDDEN)
    .post("/account/webhooks/:id/test", actionHandler(deps, testWebhookAction), FORM)
    .get("/account/webhooks/:id/replay", pageOfFormHandler(), HIDDEN)
    .post("/account/webhooks/:id/replay", actionHandler(deps, replayWebhookAction), FORM)
    .get("/account/webhooks/:id/remove", pageOfFormHandler(), HIDDEN)
    .post("/account/webhooks/:id/remove", actionHandler(deps, removeWebhookAction), FORM)
    .get("/account/security", pageHandler(deps, securityPage), HIDDEN)
    .get("/account/security/password", pageOfFormHandler(), HIDDEN)
    .post("/account/security/password", actionHandler(deps, passwordAction), FORM)
    .get("/account/security/end", pageOfFormHandler(), HIDDEN)
    .post("/account/security/end", actionHandler(deps, endSessionsAction), FORM);
}
