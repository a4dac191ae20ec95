/*
 * Elysia's schemas are JSON Schema with additions; OpenAPI 3.0.3 knows a part of that. This is the
 * way from one to the other.
 */

/** A JSON object whose members are not known yet. */
export type JsonObject = { readonly [member: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Changes every member's value and keeps the names. */
export function mapMembers(object: unknown, change: (value: JsonObject, name: string) => unknown): JsonObject {
  const members = isJsonObject(object) ? Object.entries(object) : [];
  return Object.fromEntries(members.map(([name, value]) => [name, isJsonObject(value) ? change(value, name) : value]));
}

/**
 * The keywords of OpenAPI 3.0.3's Schema Object that schemas here use. Others are for Elysia only:
 * `error`, and `additionalProperties`, which it writes into the schemas of bodies at some time, to
 * drop what it does not know.
 */
const KEYWORDS = new Set([
  ...["type", "format", "enum", "nullable", "default", "example", "description", "required", "properties", "items"],
  ...["pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "anyOf"],
]);

/**
 * Elysia reads numbers and flags in queries from text too, and says so as a second form beside the
 * one meant.
 */
function isTextForm(schema: JsonObject): boolean {
  return schema.type === "string" && ["integer", "numeric", "boolean"].includes(String(schema.format));
}

/**
 * Forms that are all constants of one type are an `enum`; a single form left is the schema itself.
 */
function withoutForms({ anyOf, ...outer }: JsonObject, forms: readonly JsonObject[]): JsonObject {
  const meant = forms.filter((form) => !isTextForm(form));
  const [first] = meant;
  if (first === undefined) return outer;
  if (meant.length === 1) return { ...outer, ...first };
  const isEnum = meant.every((form) => form.type === first.type && "const" in form);
  return isEnum ? { ...outer, type: first.type, enum: meant.map((form) => form.const) } : { ...outer, anyOf };
}

/**
 * Writes a schema of Elysia's as an OpenAPI 3.0.3 Schema Object. Where a schema has no description,
 * its rule in `error` is one; `documentedAs` stands for a schema that checks more exactly than it
 * reads well.
 */
export function openApiSchema(schema: JsonObject): JsonObject {
  if (typeof schema.$ref === "string") return { $ref: schema.$ref };
  const { documentedAs, ...checked } = schema;
  if (isJsonObject(documentedAs)) return openApiSchema({ ...documentedAs, error: schema.error });
  return schemaObject({ description: schema.error, ...checked });
}

function schemaObject(schema: JsonObject): JsonObject {
  const forms = Array.isArray(schema.anyOf) ? schema.anyOf.filter(isJsonObject) : [];
  const plain = forms.length === 0 ? schema : withoutForms(schema, forms);
  const written = "const" in plain ? { ...plain, enum: [plain.const] } : plain;
  const kept = Object.entries(written).filter(([keyword, value]) => KEYWORDS.has(keyword) && value !== undefined);
  return Object.fromEntries(kept.map(([keyword, value]) => [keyword, keywordValue(keyword, value)]));
}

function keywordValue(keyword: string, value: unknown): unknown {
  if (keyword === "properties") return mapMembers(value, openApiSchema);
  if (keyword === "anyOf" && Array.isArray(value)) return value.filter(isJsonObject).map(openApiSchema);
  return keyword === "items" && isJsonObject(value) ? openApiSchema(value) : value;
}
