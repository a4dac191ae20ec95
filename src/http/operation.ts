import type { DocumentDecoration, TSchema } from "elysia";
import type { RegistryError } from "../errors.ts";
import { statusOf } from "./problem.ts";

/** A successful response of a route. */
export interface DocumentedResponse {
  readonly description: string;
  /** The name of a schema in `components.schemas`, or the schema itself. Without it: no body. */
  readonly schema?: string | TSchema;
  /** Several if it depends on what is sent. */
  readonly mediaType?: string | readonly string[];
  readonly headers?: readonly string[];
}

/**
 * The description of a route in the API. It names every failure that the route can respond with.
 */
export interface Operation {
  /** `operationId`: the name of this call in generated clients. It stays if the address changes. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: "accounts" | "packages" | "log" | "operations";
  /**
   * Who may call it, as in accounts/authentication.ts; `metrics` is whoever has the METRICS_TOKEN.
   * Without it: everybody, without credentials.
   */
  readonly auth?: "reader" | "account" | "session" | "admin" | "metrics";
  readonly responses: Readonly<Record<number, DocumentedResponse>>;
  readonly problems: readonly RegistryError["code"][];
  readonly requestBody?: NonNullable<DocumentDecoration["requestBody"]>;
  /**
   * Headers that change the response. Only for routes without a query, because the plugin takes
   * either this list of parameters or its own.
   */
  readonly requestHeaders?: Readonly<Record<string, string>>;
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function responseObject({ description, schema, mediaType = "application/json", headers }: DocumentedResponse) {
  const types = typeof mediaType === "string" ? [mediaType] : mediaType;
  const shape = typeof schema === "string" ? ref(schema) : schema;
  return {
    description,
    ...(shape === undefined ? {} : { content: Object.fromEntries(types.map((type) => [type, { schema: shape }])) }),
    ...(headers === undefined ? {} : headerObjects(headers)),
  };
}

/** The header that problems of a status have. */
const PROBLEM_HEADERS: Readonly<Record<number, string>> = {
  401: "WWW-Authenticate",
  416: "Content-Range",
  429: "Retry-After",
  502: "Retry-After",
  503: "Retry-After",
  504: "Retry-After",
};

function headerObjects(names: readonly string[]) {
  return { headers: Object.fromEntries(names.map((name) => [name, { schema: { type: "string" as const } }])) };
}

function problemObjects(codes: readonly RegistryError["code"][]) {
  const byStatus = Map.groupBy(codes, (code) => statusOf(code).status);
  const content = { "application/problem+json": { schema: ref("Problem") } };
  return [...byStatus].map(([status, group]) => {
    const lines = group.map((code) => `\`${code}\`: ${statusOf(code).title}.`);
    const header = PROBLEM_HEADERS[status];
    const headers = header === undefined ? {} : headerObjects([header]);
    return [String(status), { description: lines.join(" "), content, ...headers }] as const;
  });
}

function headerParameters(headers: Readonly<Record<string, string>>) {
  return Object.entries(headers).map(([name, description]) => ({
    in: "header" as const,
    name,
    description,
    required: false,
    schema: { type: "string" as const },
  }));
}

/** The problems of a storage that others run. */
export const STORAGE_PROBLEMS = ["storage_busy", "storage_failed", "storage_timeout"] as const;

/** The failures of reading a JSON body. */
export const BODY_PROBLEMS = [
  "malformed_body",
  "unsupported_media_type",
  "payload_too_large",
  "validation_failed",
  "request_timeout",
] as const;

const SESSION = [{ session: [] }];
const ACCOUNT = [{ session: [] }, { apiToken: [] }, { apiKey: [] }];
const METRICS = [{ metricsToken: [] }];
const PROOF_PROBLEMS = ["unauthenticated", "conflicting_credentials", "account_disabled"] as const;

/** Security requirements and failures of a route, by who may call it. */
const GUARDS = {
  // The empty requirement: READ_ACCESS=public needs no credential.
  reader: { security: [{}, ...ACCOUNT], problems: [...PROOF_PROBLEMS, "insufficient_scope"] },
  account: { security: ACCOUNT, problems: [...PROOF_PROBLEMS, "insufficient_scope"] },
  session: { security: SESSION, problems: [...PROOF_PROBLEMS, "session_required"] },
  metrics: { security: METRICS, problems: ["metrics_disabled", "unauthenticated"] },
  admin: { security: SESSION, problems: [...PROOF_PROBLEMS, "session_required", "admin_only"] },
} as const;

/**
 * Lists the failures of a route. All can fail unexpectedly, and all but public operations and the
 * metrics need the database.
 */
function problemsOf({ tag, auth, problems }: Operation): RegistryError["code"][] {
  const guard = auth === undefined ? [] : GUARDS[auth].problems;
  const database =
    tag === "operations" && (auth === undefined || auth === "metrics")
      ? []
      : (["database_unavailable", "database_corrupt"] as const);
  return [...new Set([...guard, ...problems, ...database, "internal" as const])];
}

/** The server refuses such a request before any route sees it, without a body. */
const AMBIGUOUS = { description: "The request is ambiguous: it has more than one Host or Content-Length" };

/** Describes a route for /swagger/json (OpenAPI 3.0 Operation Object). */
export function operation(documented: Operation): DocumentDecoration {
  const { id, summary, description, tag, auth, responses, requestBody, requestHeaders } = documented;
  const good = Object.entries(responses).map(([status, response]) => [status, responseObject(response)] as const);
  const problems = problemObjects(problemsOf(documented));
  const hasClientError = problems.some(([status]) => status.startsWith("4"));
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    security: auth === undefined ? [] : [...GUARDS[auth].security],
    ...(requestHeaders === undefined ? {} : { parameters: headerParameters(requestHeaders) }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: Object.fromEntries([...good, ...(hasClientError ? [] : [["400", AMBIGUOUS] as const]), ...problems]),
  };
}
