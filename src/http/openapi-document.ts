import { isJsonObject, type JsonObject, mapMembers, openApiSchema } from "./openapi-schema.ts";

/** What to say of a path parameter; in every address, the same name means the same thing. */
export interface PathParameter {
  readonly description: string;
  readonly schema: JsonObject;
}

const mediaTypes = (content: unknown) =>
  mapMembers(content, (media) =>
    isJsonObject(media.schema) ? { ...media, schema: openApiSchema(media.schema) } : media,
  );

function withParameters(operation: JsonObject, known: Readonly<Record<string, PathParameter>>): JsonObject {
  const parameters = Array.isArray(operation.parameters) ? operation.parameters.filter(isJsonObject) : [];
  const { parameters: _, ...others } = operation;
  if (parameters.length === 0) return others;
  const described = parameters.map((parameter) => {
    if (parameter.in === "path") return { ...parameter, ...known[String(parameter.name)] };
    if (!isJsonObject(parameter.schema)) return parameter;
    const { description: _same, ...schema } = openApiSchema(parameter.schema);
    return { ...parameter, schema };
  });
  return { ...others, parameters: described };
}

/** A body without required fields may be left out. */
function withBody(operation: JsonObject): JsonObject {
  const { requestBody } = operation;
  if (!isJsonObject(requestBody)) return operation;
  const content = mediaTypes(requestBody.content);
  const required = Object.values(content).some(
    (media) => isJsonObject(media) && isJsonObject(media.schema) && Array.isArray(media.schema.required),
  );
  return { ...operation, requestBody: { ...requestBody, required, content } };
}

function withAnswers(operation: JsonObject): JsonObject {
  const responses = mapMembers(operation.responses, (answer) =>
    isJsonObject(answer.content) ? { ...answer, content: mediaTypes(answer.content) } : answer,
  );
  return { ...operation, responses };
}

/** `HEAD` is described as its `GET` without bodies and without ranges; its `operationId` starts with `head`. */
function headOf(get: JsonObject): JsonObject {
  const id = String(get.operationId);
  const parameters = Array.isArray(get.parameters) ? get.parameters.filter(isJsonObject) : [];
  const {
    206: _partial,
    416: _unsatisfiable,
    ...responses
  } = mapMembers(get.responses, ({ content: _, ...answer }) => answer);
  return {
    ...get,
    operationId: `head${id.charAt(0).toUpperCase()}${id.slice(1)}`,
    summary: `${get.summary}: only the headers`,
    parameters: parameters.filter(({ name }) => name !== "Range" && name !== "If-Range"),
    responses,
  };
}

/**
 * Makes valid OpenAPI 3.0.3 of what the plugin collected from the routes. `headPaths` are the addresses whose `HEAD`
 * is worth naming; every `GET` has one.
 */
export function openApiDocument(
  collected: JsonObject,
  pathParameters: Readonly<Record<string, PathParameter>>,
  headPaths: readonly string[],
): JsonObject {
  const paths = mapMembers(collected.paths, (item, path) => {
    const operations = mapMembers(item, (operation) =>
      withAnswers(withBody(withParameters(operation, pathParameters))),
    );
    const { get } = operations;
    return headPaths.includes(path) && isJsonObject(get) ? { ...operations, head: headOf(get) } : operations;
  });
  const components = isJsonObject(collected.components) ? collected.components : {};
  return {
    ...collected,
    paths,
    components: { ...components, schemas: mapMembers(components.schemas, openApiSchema) },
  };
}
