import { type AnyElysia, Elysia } from "elysia";
import { accountRoutes } from "./accounts/routes.ts";
import { accountSchemas } from "./accounts/schemas.ts";
import { eventRoutes, packageEventRoutes } from "./events/routes.ts";
import { eventSchemas } from "./events/schemas.ts";
import { healthRoutes, healthSchemas } from "./health/routes.ts";
import { apiPage } from "./http/api-page.ts";
import { crossOrigin } from "./http/cors.ts";
import { failures } from "./http/error-handler.ts";
import { createMethodFinder } from "./http/methods.ts";
import { apiDescription } from "./http/openapi.ts";
import { readOnlyGuard } from "./http/read-only-guard.ts";
import { declareRoutes, noteRoute } from "./http/route-series.ts";
import { accountKeyRoutes, packageKeyRoutes, packageLogRoutes, upholdRoutes } from "./keys/routes.ts";
import { KEY_PARAMETERS, keySchemas } from "./keys/schemas.ts";
import { logDocs } from "./log/docs.ts";
import { logProofRoutes, logRoutes } from "./log/routes.ts";
import { LOG_PARAMETERS, logSchemas } from "./log/schemas.ts";
import { allowedNameRoutes, quarantineRoutes } from "./moderation/routes.ts";
import { invitationRoutes, ownerRoutes } from "./owners/routes.ts";
import { OWNER_PARAMETERS, ownerSchemas } from "./owners/schemas.ts";
import { PACKAGE_HEAD_PATHS, PACKAGE_PARAMETERS, packageDocs } from "./packages/docs.ts";
import { ownedPackageRoutes, packageRoutes } from "./packages/routes.ts";
import { packageSchemas } from "./packages/schemas.ts";
import { publishRoutes } from "./publish/routes.ts";
import type { AppDeps } from "./start/open-deps.ts";
import { publisherTokenRoutes, tokenRoutes } from "./tokens/routes.ts";
import { TOKEN_PARAMETERS, tokenSchemas } from "./tokens/schemas.ts";
import { problemPages } from "./web/problem-page.tsx";
import { webRoutes } from "./web/site-routes.ts";
import { webhookRoutes } from "./webhooks/routes.ts";
import { webhookSchemas } from "./webhooks/schemas.ts";

const apiDescriptionParts = {
  schemas: {
    ...accountSchemas,
    ...eventSchemas,
    ...healthSchemas,
    ...keySchemas,
    ...logSchemas,
    ...ownerSchemas,
    ...packageSchemas,
    ...tokenSchemas,
    ...webhookSchemas,
  },
  pathParameters: {
    ...PACKAGE_PARAMETERS,
    ...OWNER_PARAMETERS,
    ...KEY_PARAMETERS,
    ...LOG_PARAMETERS,
    ...TOKEN_PARAMETERS,
  },
  headPaths: PACKAGE_HEAD_PATHS,
  wildcards: {
    "/log/tile/{tile}": logDocs.tile,
    "/api/packages/{name}/{version}/files/{path}": packageDocs.file,
  },
};

/**
 * Mounts the routes of the features. They are a list of `AnyElysia`, because the joined type of all
 * routes is too large for the compiler, and no typed client is made from it.
 */
function api(deps: AppDeps, prefix: "/api" | "/api/v1"): AnyElysia {
  const features: AnyElysia[] = [
    accountRoutes(deps),
    tokenRoutes(deps),
    publisherTokenRoutes(deps),
    accountKeyRoutes(deps),
    invitationRoutes(deps),
    ownedPackageRoutes(deps),
    packageRoutes(deps),
    publishRoutes(deps),
    ownerRoutes(deps),
    quarantineRoutes(deps),
    allowedNameRoutes(deps),
    packageKeyRoutes(deps),
    upholdRoutes(deps),
    packageLogRoutes(deps),
    packageEventRoutes(deps),
    eventRoutes(deps),
    logProofRoutes(deps),
    webhookRoutes(deps),
  ];
  return new Elysia({ prefix }).use(features);
}

/**
 * Replaces parameters that are not valid UTF-8 by an empty text, which no route finds. Elysia gives
 * null for them.
 */
function replaceInvalidParameters({ params }: { readonly params: Record<string, string | undefined> }): void {
  for (const name in params) if (typeof params[name] !== "string") params[name] = "";
}

/**
 * Builds the whole server, in the order in which a request passes through it. `http/server.ts`
 * listens and wraps it.
 */
export function createApp(deps: AppDeps) {
  const methodsOf = createMethodFinder(() => app.routes);
  // By default Elysia looks for the path after character 11, so it misses the slash of a short host
  // such as `http://cpm/`.
  const app = new Elysia({ handler: { standardHostname: false } })
    .onTransform({ as: "global" }, replaceInvalidParameters)
    .onTransform({ as: "global" }, noteRoute)
    .use(failures(deps, methodsOf, problemPages(deps)))
    .use(crossOrigin(deps.config.corsOrigins))
    .use(readOnlyGuard(deps.readOnly, methodsOf))
    .use(healthRoutes(deps))
    .use(logRoutes(deps))
    .use(api(deps, "/api"))
    .use(api(deps, "/api/v1"))
    .use(apiDescription(deps.config.followsHost ? "/" : deps.config.publicUrl, apiDescriptionParts))
    .use(apiPage())
    .use(webRoutes(deps));
  declareRoutes(deps.metrics, app.routes);
  return app;
}
