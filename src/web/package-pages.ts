import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import { pageHandler, resourceHandler } from "./handlers.ts";
import { imageResource } from "./image-resource.ts";
import { archiveResource, proofResource, rawFileResource, verificationResource } from "./package-resources.ts";
import { chosenComparison, comparePage } from "./pages/compare-page.tsx";
import { dependenciesPage } from "./pages/dependencies-page.tsx";
import { filePage } from "./pages/file-page.tsx";
import { filesPage } from "./pages/files-page.tsx";
import { inputsPage } from "./pages/inputs-page.tsx";
import { readmePage } from "./pages/readme-page.tsx";
import { trustPage } from "./pages/trust-page.tsx";
import { valuesPage } from "./pages/values-page.tsx";
import { versionsPage } from "./pages/versions-page.tsx";
import { HIDDEN } from "./route-options.ts";
import type { WebDeps } from "./visit.ts";

/** Serves the tabs of packages, and the files that they link to. */
export function packagePages(deps: WebDeps) {
  return new Elysia({ name: "package-pages" })
    .use(authentication(deps))
    .get("/packages/:name", pageHandler(deps, readmePage), HIDDEN)
    .get("/packages/:name/:version", pageHandler(deps, readmePage), HIDDEN)
    .get("/packages/:name/:version/values", pageHandler(deps, valuesPage), HIDDEN)
    .get("/packages/:name/:version/inputs", pageHandler(deps, inputsPage), HIDDEN)
    .get("/packages/:name/:version/files", pageHandler(deps, filesPage), HIDDEN)
    .get("/packages/:name/:version/files/*", pageHandler(deps, filePage), HIDDEN)
    .get("/packages/:name/:version/images/*", resourceHandler(deps, imageResource), HIDDEN)
    .get("/packages/:name/:version/versions", pageHandler(deps, versionsPage), HIDDEN)
    .get("/packages/:name/:version/compare", resourceHandler(deps, chosenComparison), HIDDEN)
    .get("/packages/:name/:version/compare/:other", pageHandler(deps, comparePage), HIDDEN)
    .get("/packages/:name/:version/dependencies", pageHandler(deps, dependenciesPage), HIDDEN)
    .get("/packages/:name/:version/trust", pageHandler(deps, trustPage), HIDDEN)
    .get("/packages/:name/:version/download", resourceHandler(deps, archiveResource), HIDDEN)
    .get("/packages/:name/:version/proof", resourceHandler(deps, proofResource), HIDDEN)
    .get("/packages/:name/:version/raw/*", resourceHandler(deps, rawFileResource), HIDDEN)
    .get("/packages/:name/:version/verification", resourceHandler(deps, verificationResource), HIDDEN);
}
