import type { DocumentDecoration, TSchema } from "elysia";
import type { RegistryError } from "../errors.ts";
import { statusOf } from "./problem.ts";

/** One good answer of a route. */
export interface DocumentedAnswer {
  readonly description: string;
  /** The name of a schema in `components.schemas`, or the schema itself. Left out: no body. */
  readonly schema?: string | TSchema;
  readonly mediaType?: string;
  readonly headers?: readonly string[];
}

/** What the documentation says of a route. Every failure it can answer with is named by its code. */
export interface Operation {
  /** `operationId`: the name that generated clients give this call. It stays when the address changes. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: "accounts" | "packages" | "log" | "operations";
  /** Who may call it, as in accounts/authentication.ts: nobody needs to prove anything where it is left out. */
  readonly auth?: "reader" | "account" | "session" | "admin";
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  readonly problems: readonly RegistryError["code"][];
  readonly requestBody?: NonNullable<DocumentDecoration["requestBody"]>;
  /** Headers that change the answer. Only for routes without a query: the plugin takes one list or the other. */
  readonly requestHeaders?: Readonly<Record<string, string>>;
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function answerObject({ description, schema, mediaType = "application/json", headers }: DocumentedAnswer) {
  const shape = typeof schema === "string" ? ref(schema) : schema;
  return {
    description,
    ...(shape === undefined ? {} : { content: { [mediaType]: { schema: shape } } }),
    ...(headers === undefined ? {} : headerObjects(headers)),
  };
}

/** Headers that problems of a status carry. */
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

/** What reading a JSON body can fail with. */
export const BODY_PROBLEMS = [
  "malformed_body",
  "unsupported_media_type",
  "payload_too_large",
  "validation_failed",
  "request_timeout",
] as const;

const SESSION = [{ session: [] }];
const ACCOUNT = [{ session: [] }, { apiToken: [] }, { apiKey: [] }];
const PROOF_PROBLEMS = ["unauthenticated", "conflicting_credentials", "account_disabled"] as const;

/** By who may call a route: its security requirements, and what it answers to others. */
const GUARDS = {
  // Without a proof too, unless READ_ACCESS says otherwise.
  reader: { security: [{}, ...ACCOUNT], problems: [...PROOF_PROBLEMS, "insufficient_scope"] },
  account: { security: ACCOUNT, problems: [...PROOF_PROBLEMS, "insufficient_scope"] },
  session: { security: SESSION, problems: [...PROOF_PROBLEMS, "session_required"] },
  admin: { security: SESSION, problems: [...PROOF_PROBLEMS, "session_required", "admin_only"] },
} as const;

/** Every route may fail unexpectedly, and every one but those of operations needs the database to answer at all. */
function problemsOf({ tag, auth, problems }: Operation): RegistryError["code"][] {
  const guard = auth === undefined ? [] : GUARDS[auth].problems;
  const database = tag === "operations" && auth === undefined ? [] : (["database_unavailable"] as const);
  return [...new Set([...guard, ...problems, ...database, "internal" as const])];
}

/** Writes a route's entry for /swagger/json (OpenAPI 3.0 Operation Object). */
export function operation(documented: Operation): DocumentDecoration {
  const { id, summary, description, tag, auth, answers, requestBody, requestHeaders } = documented;
  const good = Object.entries(answers).map(([status, answer]) => [status, answerObject(answer)] as const);
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(auth === undefined ? {} : { security: [...GUARDS[auth].security] }),
    ...(requestHeaders === undefined ? {} : { parameters: headerParameters(requestHeaders) }),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: Object.fromEntries([...good, ...problemObjects(problemsOf(documented))]),
  };
}
