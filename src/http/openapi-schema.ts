/*
 * Translates Elysia's schemas, which are JSON Schema with additions, into the subset that OpenAPI
 * 3.0.3 knows.
 */

/** A JSON object with unknown members. */
export type JsonObject = { readonly [member: string]: unknown };

/** Reports whether a value is a JSON object: no array and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Maps the value of every member that is an object. Names and other values stay. */
export function mapMembers(object: unknown, change: (value: JsonObject, name: string) => unknown): JsonObject {
  const members = isJsonObject(object) ? Object.entries(object) : [];
  return Object.fromEntries(members.map(([name, value]) => [name, isJsonObject(value) ? change(value, name) : value]));
}

/**
 * The keywords of an OpenAPI 3.0.3 Schema Object that schemas here use. All others are dropped.
 * Elysia uses `error`, and at some time writes `additionalProperties` into the schemas of bodies,
 * to remove unknown fields.
 */
const KEYWORDS = new Set([
  ...["type", "format", "enum", "nullable", "default", "example", "description", "required", "properties", "items"],
  ...["pattern", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "anyOf"],
]);

/**
 * Reports whether a form is the textual twin of a number or flag. Elysia adds it to schemas of
 * queries, because it reads numbers and flags from text too.
 */
function isTextForm(schema: JsonObject): boolean {
  return schema.type === "string" && ["integer", "numeric", "boolean"].includes(String(schema.format));
}

/**
 * Simplifies `anyOf`: forms that are all constants of one type become an `enum`, and a single form
 * replaces the schema.
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
 * Translates one schema. A schema without a description is described by its rule in `error`.
 * `documentedAs` replaces a schema whose exact check is hard to read.
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
