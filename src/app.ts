import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";
import { accountRoutes } from "./accounts/routes.ts";
import type { Deps } from "./deps.ts";
import { apiPage } from "./http/api-page.ts";
import { failures } from "./http/failures.ts";
import { createMethodFinder } from "./http/methods.ts";
import { apiDescription } from "./http/openapi.ts";
import { healthRoutes } from "./ops/routes.ts";
import { packageRoutes } from "./packages/routes.ts";

/** Headers of answers that a page on another origin may read. */
const EXPOSED_HEADERS = [
  "Content-Disposition",
  "ETag",
  "Link",
  "Location",
  "Repr-Digest",
  "Retry-After",
  "X-Checksum-Sha256",
  "X-Request-Id",
];

/** Exact origins from the configuration, and no credentials: a browser never sends its cookies here. None, no CORS. */
function crossOrigin(origins: readonly string[]) {
  if (origins.length === 0) return new Elysia();
  return cors({
    origin: [...origins],
    methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowedHeaders: ["Authorization", "Content-Type", "If-None-Match", "Range", "X-API-Key", "X-Request-Id"],
    exposeHeaders: EXPOSED_HEADERS,
    credentials: false,
    maxAge: 600,
  });
}

function api(deps: Deps, prefix: "/api" | "/api/v1") {
  return new Elysia({ prefix }).use(accountRoutes(deps)).use(packageRoutes(deps));
}

/** The whole server, in the order a request meets it. `http/server.ts` listens and wraps every answer. */
export function createApp(deps: Deps) {
  const methodsOf = createMethodFinder(() => app.routes);
  const app = new Elysia()
    .use(failures(deps.logger, methodsOf))
    .use(crossOrigin(deps.config.corsOrigins))
    .use(healthRoutes(deps))
    .use(api(deps, "/api"))
    .use(api(deps, "/api/v1"))
    .use(apiDescription(deps.config.publicUrl))
    .use(apiPage());
  return app;
}
