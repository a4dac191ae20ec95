import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import { actionHandler, pageHandler, pageOfFormHandler } from "./handlers.ts";
import { removeOwnerAction, removeOwnerPage } from "./pages/settings-owner-page.tsx";
import { cancelResetAction, inviteAction, settingsPage, statusAction } from "./pages/settings-page.tsx";
import { yankAction, yankPage } from "./pages/settings-yank-page.tsx";
import { FORM, HIDDEN } from "./route-options.ts";
import type { WebDeps } from "./visit.ts";

/** The settings of packages, for their owners. No version is called `settings`. */
export function settingsPages(deps: WebDeps) {
  return new Elysia({ prefix: "/packages/:name/settings" })
    .use(authentication(deps))
    .get("", pageHandler(deps, settingsPage), HIDDEN)
    .get("/owners", pageOfFormHandler(), HIDDEN)
    .post("/owners", actionHandler(deps, inviteAction), FORM)
    .get("/remove-owner", pageHandler(deps, removeOwnerPage), HIDDEN)
    .post("/remove-owner", actionHandler(deps, removeOwnerAction), FORM)
    .get("/yank", pageHandler(deps, yankPage), HIDDEN)
    .post("/yank", actionHandler(deps, yankAction), FORM)
    .get("/status", pageOfFormHandler(), HIDDEN)
    .post("/status", actionHandler(deps, statusAction), FORM)
    .get("/cancel-reset", pageOfFormHandler(), HIDDEN)
    .post("/cancel-reset", actionHandler(deps, cancelResetAction), FORM);
}
