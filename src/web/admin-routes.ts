import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import { actionHandler, pageHandler, pageOfFormHandler } from "./handlers.ts";
import { adminAccountPage, disableAction, enableAction, resetPasswordAction } from "./pages/admin-account-page.tsx";
import { accountsPage } from "./pages/admin-accounts-page.tsx";
import { eventsPage } from "./pages/admin-events-page.tsx";
import { invitationsPage, inviteAction, withdrawInvitationAction } from "./pages/admin-invitations-page.tsx";
import { adminPage } from "./pages/admin-page.tsx";
import { allowNameAction, quarantineAction, quarantinePage, releaseAction } from "./pages/admin-quarantine-page.tsx";
import { FORM, HIDDEN } from "./route-options.ts";
import type { WebDeps } from "./visit.ts";

/** What administrators see and do. */
export function adminPages(deps: WebDeps) {
  return new Elysia({ prefix: "/admin" })
    .use(authentication(deps))
    .get("", pageHandler(deps, adminPage), HIDDEN)
    .get("/accounts", pageHandler(deps, accountsPage), HIDDEN)
    .get("/accounts/:username", pageHandler(deps, adminAccountPage), HIDDEN)
    .get("/accounts/:username/disable", pageOfFormHandler(), HIDDEN)
    .post("/accounts/:username/disable", actionHandler(deps, disableAction), FORM)
    .get("/accounts/:username/enable", pageOfFormHandler(), HIDDEN)
    .post("/accounts/:username/enable", actionHandler(deps, enableAction), FORM)
    .get("/accounts/:username/password", pageOfFormHandler(), HIDDEN)
    .post("/accounts/:username/password", actionHandler(deps, resetPasswordAction), FORM)
    .get("/invitations", pageHandler(deps, invitationsPage), HIDDEN)
    .post("/invitations", actionHandler(deps, inviteAction), FORM)
    .get("/invitations/withdraw", pageOfFormHandler(), HIDDEN)
    .post("/invitations/withdraw", actionHandler(deps, withdrawInvitationAction), FORM)
    .get("/quarantine", pageHandler(deps, quarantinePage), HIDDEN)
    .post("/quarantine", actionHandler(deps, quarantineAction), FORM)
    .get("/quarantine/release", pageOfFormHandler(), HIDDEN)
    .post("/quarantine/release", actionHandler(deps, releaseAction), FORM)
    .get("/quarantine/names", pageOfFormHandler(), HIDDEN)
    .post("/quarantine/names", actionHandler(deps, allowNameAction), FORM)
    .get("/events", pageHandler(deps, eventsPage), HIDDEN);
}
