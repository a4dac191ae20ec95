import { type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Answer } from "../support/client.ts";

/* Reads /swagger/json as a client does, and compares real responses with it. */

/** The part of a Schema Object (OpenAPI 3.0.3) that the API description uses. */
export interface SchemaObject {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaObject>>;
  readonly items?: SchemaObject;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

type Content = Readonly<Record<string, { readonly schema: SchemaObject }>>;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description?: string;
  readonly required: boolean;
  readonly schema: SchemaObject;
}

export interface Reference {
  readonly $ref: string;
}

export interface DescribedAnswer {
  readonly description: string;
  readonly content?: Content;
  readonly headers?: Readonly<Record<string, object>>;
}

export interface DescribedOperation {
  readonly operationId: string;
  readonly summary?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Content };
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly tags?: readonly string[];
  readonly responses: Readonly<Record<string, DescribedAnswer | Reference>>;
}

/** An operation whose references to responses are resolved. */
export type ResolvedOperation = Omit<DescribedOperation, "responses"> & {
  readonly responses: Readonly<Record<string, DescribedAnswer>>;
};

export interface ApiDescription {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: {
    readonly responses: Readonly<Record<string, DescribedAnswer>>;
    readonly schemas: Readonly<Record<string, SchemaObject>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

const RESPONSES = "#/components/responses/";

function resolved({ components }: ApiDescription, response: DescribedAnswer | Reference): DescribedAnswer {
  if (!("$ref" in response)) return response;
  const target = components.responses[response.$ref.replace(RESPONSES, "")];
  if (target === undefined) throw new Error(`${response.$ref} is not described`);
  return target;
}

/** Lists every operation with its method and address. References to responses are resolved. */
export function operationsOf(api: ApiDescription) {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, described]) => {
      const responses = Object.entries(described.responses).map(
        ([status, response]) => [status, resolved(api, response)] as const,
      );
      const operation: ResolvedOperation = { ...described, responses: Object.fromEntries(responses) };
      return { method: method.toUpperCase(), path, operation };
    }),
  );
}

/** Times are RFC 3339 in UTC, which is narrower than `date-time`. */
const UTC_TIME = "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?Z$";

/** Makes a check of a schema that also refuses properties which are not described. */
function checkOf(api: ApiDescription, schema: SchemaObject): TSchema {
  if (schema.$ref !== undefined) {
    const target = api.components.schemas[schema.$ref.replace("#/components/schemas/", "")];
    if (target === undefined) throw new Error(`${schema.$ref} is not described`);
    return checkOf(api, target);
  }
  const check = plainCheckOf(api, schema);
  return schema.nullable === true ? Type.Union([check, Type.Null()]) : check;
}

function plainCheckOf(api: ApiDescription, schema: SchemaObject): TSchema {
  if (schema.enum !== undefined) return Type.Union(schema.enum.map((value) => Type.Literal(value)));
  switch (schema.type) {
    case "object": {
      const required = schema.required ?? [];
      const properties = Object.entries(schema.properties ?? {}).map(([name, property]) => {
        const check = checkOf(api, property);
        return [name, required.includes(name) ? check : Type.Optional(check)] as const;
      });
      return Type.Object(Object.fromEntries(properties), { additionalProperties: false });
    }
    case "array":
      return Type.Array(checkOf(api, schema.items ?? {}));
    case "string":
      return schema.format === "date-time" ? Type.String({ pattern: UTC_TIME }) : Type.String();
    case "integer":
      return Type.Integer();
    case "boolean":
      return Type.Boolean();
    case undefined:
      return Type.Unknown();
    default:
      throw new Error(`No check for a schema of type ${schema.type}`);
  }
}

/**
 * Lists the differences between a response and its description: status, media type, headers and
 * body. `path` is the address as described, such as `/api/packages/{name}`.
 */
export function differences(api: ApiDescription, method: string, path: string, answer: Answer): string[] {
  const response = api.paths[path]?.[method.toLowerCase()]?.responses[answer.status];
  const described = response && resolved(api, response);
  if (described === undefined) return [`${method} ${path} does not describe ${answer.status}: ${answer.text}`];
  const missing = Object.keys(described.headers ?? {}).filter((name) => !answer.headers.has(name));
  return [
    // A list without pages has no links.
    ...missing.filter((name) => name !== "Link").map((name) => `${name} is missing`),
    ...bodyDifferences(api, described, answer),
  ];
}

function bodyDifferences(api: ApiDescription, { content }: DescribedAnswer, answer: Answer): string[] {
  const sent = answer.headers.get("content-type")?.split(";", 1)[0] ?? "";
  if (content === undefined) return answer.text === "" ? [] : [`a body is not described: ${answer.text}`];
  const schema = content[sent]?.schema;
  if (schema === undefined) return [`${sent} is not described, only ${Object.keys(content).join(", ")}`];
  if (!sent.endsWith("json")) return [];
  return [...Value.Errors(checkOf(api, schema), answer.body)].map(
    ({ path, message }) => `${path || "/"}: ${message}, in ${answer.text}`,
  );
}
