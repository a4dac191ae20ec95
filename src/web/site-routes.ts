import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import { failure } from "../errors.ts";
import { accountPages } from "./account-routes.ts";
import { adminPages } from "./admin-routes.ts";
import { assetResponse } from "./assets.ts";
import { pageHandler } from "./handlers.ts";
import { packagePages } from "./package-pages.ts";
import { helpPage } from "./pages/help-page.tsx";
import { homePage } from "./pages/home-page.tsx";
import { logPage } from "./pages/log-page.tsx";
import { searchPage } from "./pages/search-page.tsx";
import { userPage } from "./pages/user-page.tsx";
import { HIDDEN } from "./route-options.ts";
import { settingsPages } from "./settings-routes.ts";
import { faviconResponse, robotsResponse } from "./site-files.ts";
import { rootFrom, type WebDeps } from "./visit.ts";

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
    .use(accountPages(deps))
    .get("/search", pageHandler(deps, searchPage), HIDDEN)
    .get("/packages", ({ request }) => toSearch(request), HIDDEN)
    .get("/users/:name", pageHandler(deps, userPage), HIDDEN)
    .get("/log", pageHandler(deps, logPage), HIDDEN)
    .get("/help", pageHandler(deps, helpPage), HIDDEN)
    .use(settingsPages(deps))
    .use(packagePages(deps))
    .get("/favicon.ico", faviconResponse, HIDDEN)
    .get("/robots.txt", () => robotsResponse(deps.config), HIDDEN)
    .use(adminPages(deps))
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
