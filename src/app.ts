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
import { accountKeyRoutes, packageKeyRoutes } from "./keys/routes.ts";
import { KEY_PARAMETERS, keySchemas } from "./keys/schemas.ts";
import { logDocs } from "./log/docs.ts";
import { logProofRoutes, logRoutes } from "./log/routes.ts";
import { LOG_PARAMETERS, logSchemas } from "./log/schemas.ts";
import { allowedNameRoutes, quarantineRoutes } from "./moderation/routes.ts";
import { invitationRoutes, ownerRoutes } from "./owners/routes.ts";
import { OWNER_PARAMETERS, ownerSchemas } from "./owners/schemas.ts";
import { PACKAGE_HEAD_PATHS, PACKAGE_PARAMETERS } from "./packages/docs.ts";
import { packageRoutes } from "./packages/routes.ts";
import { packageSchemas } from "./packages/schemas.ts";
import { publishRoutes } from "./publish/routes.ts";
import type { AppDeps } from "./start/open-deps.ts";
import { tokenRoutes } from "./tokens/routes.ts";
import { TOKEN_PARAMETERS, tokenSchemas } from "./tokens/schemas.ts";

const described = {
  schemas: {
    ...accountSchemas,
    ...eventSchemas,
    ...healthSchemas,
    ...keySchemas,
    ...logSchemas,
    ...ownerSchemas,
    ...packageSchemas,
    ...tokenSchemas,
  },
  pathParameters: {
    ...PACKAGE_PARAMETERS,
    ...OWNER_PARAMETERS,
    ...KEY_PARAMETERS,
    ...LOG_PARAMETERS,
    ...TOKEN_PARAMETERS,
  },
  headPaths: PACKAGE_HEAD_PATHS,
  wildcards: { "/log/tile/{tile}": logDocs.tile },
};

/** The rooms as a list: the compiler refuses the type that joins their routes, and no client is made of it. */
function api(deps: AppDeps, prefix: "/api" | "/api/v1"): AnyElysia {
  const rooms: AnyElysia[] = [
    accountRoutes(deps),
    tokenRoutes(deps),
    accountKeyRoutes(deps),
    invitationRoutes(deps),
    packageRoutes(deps),
    publishRoutes(deps),
    ownerRoutes(deps),
    quarantineRoutes(deps),
    allowedNameRoutes(deps),
    packageKeyRoutes(deps),
    packageEventRoutes(deps),
    eventRoutes(deps),
    logProofRoutes(deps),
  ];
  return new Elysia({ prefix }).use(rooms);
}

/** Elysia gives null for what is no UTF-8 behind its percent signs; to a route it is a text that names nothing. */
function namedByNothing({ params }: { readonly params: Record<string, string | undefined> }): void {
  for (const name in params) if (typeof params[name] !== "string") params[name] = "";
}

/** The whole server, in the order a request meets it. `http/server.ts` listens and wraps every answer. */
export function createApp(deps: AppDeps) {
  const methodsOf = createMethodFinder(() => app.routes);
  // Elysia would look for the path behind the eleventh character, past the slash of `http://cpm/`.
  const app = new Elysia({ handler: { standardHostname: false } })
    .onTransform({ as: "global" }, namedByNothing)
    .use(failures(deps, methodsOf))
    .use(crossOrigin(deps.config.corsOrigins))
    .use(healthRoutes(deps))
    .use(logRoutes(deps))
    .use(api(deps, "/api"))
    .use(api(deps, "/api/v1"))
    .use(apiDescription(deps.config.publicUrl, described))
    .use(apiPage());
  return app;
}
