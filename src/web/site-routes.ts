import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import { failure } from "../errors.ts";
import { assetResponse } from "./assets.ts";
import { actionHandler, guestActionHandler, pageHandler } from "./handlers.ts";
import { packagePages } from "./package-pages.ts";
import { helpPage } from "./pages/help-page.tsx";
import { homePage } from "./pages/home-page.tsx";
import { logPage } from "./pages/log-page.tsx";
import { loginAction, loginPage, logoutAction } from "./pages/login-page.tsx";
import { searchPage } from "./pages/search-page.tsx";
import { userPage } from "./pages/user-page.tsx";
import { faviconResponse, robotsResponse } from "./site-files.ts";
import { rootFrom, type WebDeps } from "./visit.ts";

/** Pages are for people, so the description of the API has none of them. */
const HIDDEN = { detail: { hide: true } };

/** The handler reads the form itself, after it knows who sent it. */
const FORM = { ...HIDDEN, parse: "none" } as const;

/** The list of all packages is a search for nothing. */
function toSearch({ url }: Request): Response {
  const { pathname, search } = new URL(url);
  return new Response(null, { status: 308, headers: { location: `${rootFrom(pathname)}search${search}` } });
}

/** Serves the pages that people read, and the forms on them. */
export function webRoutes(deps: WebDeps) {
  return new Elysia({ name: "web" })
    .use(authentication(deps))
    .get("/", pageHandler(deps, homePage), HIDDEN)
    .get("/login", pageHandler(deps, loginPage), HIDDEN)
    .post("/login", guestActionHandler(deps, loginAction), FORM)
    .post("/logout", actionHandler(deps, logoutAction), FORM)
    .get("/search", pageHandler(deps, searchPage), HIDDEN)
    .get("/packages", ({ request }) => toSearch(request), HIDDEN)
    .get("/users/:name", pageHandler(deps, userPage), HIDDEN)
    .get("/log", pageHandler(deps, logPage), HIDDEN)
    .get("/help", pageHandler(deps, helpPage), HIDDEN)
    .use(packagePages(deps))
    .get("/favicon.ico", faviconResponse, HIDDEN)
    .get("/robots.txt", () => robotsResponse(deps.config), HIDDEN)
    .get(
      "/assets/:file",
      ({ params, request }) => {
        const found = assetResponse(params.file, request);
        if (found === undefined) throw failure({ code: "route_not_found" });
        return found;
      },
      HIDDEN,
    );
}
