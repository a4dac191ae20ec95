import { isJsonObject, type JsonObject, mapMembers, openApiSchema } from "./openapi-schema.ts";
import { statusOf } from "./problem.ts";

/** The description of a path parameter. A name means the same in every address. */
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

/** Every change may be refused because the registry is read-only. No route has to say so. */
function withReadOnly(operation: JsonObject, method: string): JsonObject {
  const { responses } = operation;
  if (method === "get" || !isJsonObject(responses) || !isJsonObject(responses[503])) return operation;
  const { title } = statusOf("read_only");
  const description = `\`read_only\`: ${title}. ${responses[503].description}`;
  return { ...operation, responses: { ...responses, 503: { ...responses[503], description } } };
}

/** The codes that the description of a problem response names, such as `` `busy`: Busy. `` */
const NAMED_CODE = /`([a-z_]+)`: /g;

/** Problem responses by name. Operations with the same problems refer to the same response. */
class SharedProblems {
  readonly #responses = new Map<string, JsonObject>();

  /**
   * Replaces the problem responses of an operation by references. Those to HEAD have no body and
   * stay.
   */
  refer(operation: JsonObject): JsonObject {
    const responses = mapMembers(operation.responses, (response) => {
      if (!isJsonObject(response.content) || !("application/problem+json" in response.content)) return response;
      const codes = [...String(response.description).matchAll(NAMED_CODE)].map(([, code]) => code);
      const name = codes.sort().join(".");
      this.#responses.set(name, this.#responses.get(name) ?? response);
      return { $ref: `#/components/responses/${name}` };
    });
    return { ...operation, responses };
  }

  get components(): JsonObject {
    return Object.fromEntries([...this.#responses].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** Describes a HEAD as its GET without bodies and ranges. Its `operationId` starts with `head`. */
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
 * Makes a valid OpenAPI 3.0.3 document from what the plugin collected from the routes. `headPaths`
 * are the addresses whose HEAD is described. Every GET has one, but few are worth an entry.
 */
export function openApiDocument(
  collected: JsonObject,
  pathParameters: Readonly<Record<string, PathParameter>>,
  headPaths: readonly string[],
): JsonObject {
  const problems = new SharedProblems();
  const paths = mapMembers(collected.paths, (item, path) => {
    const operations = mapMembers(item, (operation, method) =>
      withAnswers(withBody(withParameters(withReadOnly(operation, method), pathParameters))),
    );
    const { get } = operations;
    const head = headPaths.includes(path) && isJsonObject(get) ? { head: headOf(get) } : {};
    return mapMembers({ ...operations, ...head }, (operation) => problems.refer(operation));
  });
  const components = isJsonObject(collected.components) ? collected.components : {};
  return {
    ...collected,
    paths,
    components: {
      ...components,
      responses: problems.components,
      schemas: mapMembers(components.schemas, openApiSchema),
    },
  };
}
