import { swagger } from "@elysiajs/swagger";
import { type DocumentDecoration, Elysia, type TSchema, t } from "elysia";
import { VERSION } from "../runtime/version.ts";
import { openApiDocument, type PathParameter } from "./openapi-document.ts";
import { isJsonObject, type JsonObject, mapMembers } from "./openapi-schema.ts";
import { ProblemSchema } from "./schemas.ts";

/** The parts of the API description that features supply in addition to their routes. */
export interface Described {
  /** Schemas that responses refer to by name. */
  readonly schemas: Readonly<Record<string, TSchema>>;
  readonly pathParameters: Readonly<Record<string, PathParameter>>;
  /** Addresses whose HEAD is described. Every GET has one, but few are worth an entry. */
  readonly headPaths: readonly string[];
  /** GET operations of addresses with a wildcard, which the plugin omits. */
  readonly wildcards: Readonly<Record<string, DocumentDecoration>>;
}

const DESCRIPTION = `The package registry of CPM. Every path under /api also exists under /api/v1.

Errors are problems (RFC 9457): act on \`code\`. Any path may also respond with \`route_not_found\` (404) or
\`method_not_allowed\` (405, with Allow). Every response has X-Request-Id, and every GET has a HEAD.`;

const TAGS = [
  { name: "accounts", description: "Accounts and their sessions" },
  { name: "packages", description: "Publish, search, read, download and yank" },
  { name: "log", description: "The transparency log, which proves what was published" },
  { name: "operations", description: "Health, metrics and the audit feed" },
];

const SESSION = {
  type: "http" as const,
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "The token of POST /api/auth/login",
};

const API_TOKEN = {
  type: "http" as const,
  scheme: "bearer",
  bearerFormat: "cpm_…",
  description: "A token of POST /api/auth/tokens",
};

const API_KEY = {
  type: "apiKey" as const,
  in: "header" as const,
  name: "X-API-Key",
  description: "An API token in its own header",
};

const METRICS_TOKEN = {
  type: "http" as const,
  scheme: "bearer",
  description: "The METRICS_TOKEN that the operator set",
};

function withWildcards(collected: JsonObject, wildcards: Described["wildcards"]): JsonObject {
  const paths = Object.entries(wildcards).map(([path, operation]) => {
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ in: "path", name, required: true }));
    return [path, { get: { ...operation, parameters } }] as const;
  });
  return { ...collected, paths: { ...mapMembers(collected.paths, (item) => item), ...Object.fromEntries(paths) } };
}

/**
 * Serves `/swagger/json`, the OpenAPI description of every route that is not hidden. The page is in
 * `api-page.ts`.
 */
export function apiDescription(publicUrl: string, { schemas, pathParameters, headPaths, wildcards }: Described) {
  const named = Object.entries({ ...schemas, Problem: ProblemSchema, Text: t.String() });
  const sorted = Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  const collector = swagger({
    path: "/swagger",
    specPath: "/swagger/json",
    exclude: [/^\/api\/v1\//, "/swagger", "/swagger/json"],
    documentation: {
      info: { title: "cpm-registry", version: VERSION, description: DESCRIPTION },
      servers: [{ url: publicUrl }],
      tags: TAGS,
      components: {
        securitySchemes: { session: SESSION, apiToken: API_TOKEN, apiKey: API_KEY, metricsToken: METRICS_TOKEN },
        schemas: JSON.parse(JSON.stringify(sorted)),
      },
    },
  });
  return new Elysia({ name: "api-description" })
    .onAfterHandle(({ response }) =>
      isJsonObject(response) && "openapi" in response
        ? openApiDocument(withWildcards(response, wildcards), pathParameters, headPaths)
        : undefined,
    )
    .use(collector);
}
