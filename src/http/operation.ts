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
  readonly summary: string;
  readonly description?: string;
  readonly tag: "accounts" | "packages" | "operations";
  readonly auth?: boolean;
  readonly answers: Readonly<Record<number, DocumentedAnswer>>;
  readonly problems: readonly RegistryError["code"][];
  readonly requestBody?: NonNullable<DocumentDecoration["requestBody"]>;
}

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

function answerObject({ description, schema, mediaType = "application/json", headers }: DocumentedAnswer) {
  const shape = typeof schema === "string" ? ref(schema) : schema;
  return {
    description,
    ...(shape === undefined ? {} : { content: { [mediaType]: { schema: shape } } }),
    ...(headers === undefined
      ? {}
      : { headers: Object.fromEntries(headers.map((name) => [name, { schema: { type: "string" as const } }])) }),
  };
}

function problemObjects(codes: readonly RegistryError["code"][]) {
  const byStatus = Map.groupBy(codes, (code) => statusOf(code).status);
  const content = { "application/problem+json": { schema: ref("Problem") } };
  return [...byStatus].map(([status, group]) => {
    const lines = group.map((code) => `\`${code}\`: ${statusOf(code).title}.`);
    return [String(status), { description: lines.join(" "), content }] as const;
  });
}

/** Writes a route's entry for /swagger/json (OpenAPI 3.0 Operation Object). */
export function operation(documented: Operation): DocumentDecoration {
  const { summary, description, tag, auth = false, answers, requestBody } = documented;
  const problems: RegistryError["code"][] = [...documented.problems, "database_unavailable", "internal"];
  if (auth) problems.unshift("unauthenticated");
  const good = Object.entries(answers).map(([status, answer]) => [status, answerObject(answer)] as const);
  return {
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(auth ? { security: [{ session: [] }] } : {}),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: Object.fromEntries([...good, ...problemObjects(problems)]),
  };
}
