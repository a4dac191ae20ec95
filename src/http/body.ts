import { JSON_DEPTH_MAX, JsonTooDeep, parseJsonText } from "../domain/json-text.ts";
import { failure } from "../errors.ts";
import { chunksOf, declaredBytes } from "./body-stream.ts";
import { faultsOfUnknown } from "./unknown-fields.ts";

/**
 * The limit of JSON bodies and of HTML forms. They have a few fields, but a password may have 1,024
 * characters of four bytes.
 */
const FIELDS_MAX_BYTES = 64 * 1024;

/** Returns the media type of a request's Content-Type in lower case and without parameters. */
export function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

async function readBounded(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () => failure({ code: "payload_too_large", what: "The body", limitBytes: maxBytes });
  if (declaredBytes(request) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunksOf(request)) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** Matches an escaped half of a surrogate pair, or something that looks like one. */
const SURROGATE = /\\ud[89a-f]/i;

/**
 * Refuses an unpaired surrogate. JSON can escape one (RFC 8259 §8.2), but it is no valid text, and
 * Postgres refuses it in JSON.
 */
function requireWellFormed(name: string, value: unknown): unknown {
  if (!name.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) throw new Error("no text");
  return value;
}

function parseJson(bytes: Uint8Array): object {
  let parsed: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    parsed = parseJsonText(text, SURROGATE.test(text) ? requireWellFormed : undefined);
  } catch (cause) {
    if (cause instanceof JsonTooDeep) {
      const reason = `The body is nested deeper than ${JSON_DEPTH_MAX} levels. Send the documented fields only.`;
      throw failure({ code: "malformed_body", reason });
    }
    // The engine's message quotes the body, which may contain a password.
    throw failure({
      code: "malformed_body",
      reason: "The body is not valid JSON in UTF-8. Correct it and send the request again.",
    });
  }
  // A schema whose fields are all optional would accept an array as an object without fields.
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw failure({ code: "validation_failed", faults: [{ path: "", message: "must be a JSON object" }] });
}

function requireJson(request: Request): void {
  if (mediaType(request) !== "application/json") {
    throw failure({ code: "unsupported_media_type", expected: "application/json" });
  }
}

/**
 * Reads a JSON body of at most `FIELDS_MAX_BYTES`, as Elysia's `parse` of a route. Throws
 * `unsupported_media_type`, `payload_too_large`, `request_timeout` or `malformed_body`.
 */
export async function jsonBody({ request }: { readonly request: Request }): Promise<object> {
  requireJson(request);
  return parseJson(await readBounded(request, FIELDS_MAX_BYTES));
}

/**
 * Makes a `jsonBody` that refuses unknown fields with `validation_failed`, for changes that cannot
 * be undone and for those that end access. Elsewhere unknown fields are ignored. Here a misspelled
 * field would let the request affect more, or less, than its sender believes. `read` is
 * `optionalJsonBody` where the body may be missing.
 */
export function strictJsonBody({ properties }: { readonly properties: object }, read = jsonBody) {
  const message = `is not a field of this body: there are only ${Object.keys(properties).join(", ")}`;
  return async (context: { readonly request: Request }): Promise<object> => {
    const body = await read(context);
    const faults = faultsOfUnknown(Object.keys(body), properties, message);
    if (faults.length > 0) throw failure({ code: "validation_failed", faults });
    return body;
  };
}

/**
 * Reads the fields of an HTML form (`application/x-www-form-urlencoded`). Throws like `jsonBody`,
 * and for a NUL, which no browser sends and no database column takes.
 */
export async function formBody({ request }: { readonly request: Request }): Promise<URLSearchParams> {
  const expected = "application/x-www-form-urlencoded";
  if (mediaType(request) !== expected) throw failure({ code: "unsupported_media_type", expected });
  const form = new URLSearchParams(new TextDecoder().decode(await readBounded(request, FIELDS_MAX_BYTES)));
  if ([...form.values()].some((value) => value.includes("\0"))) {
    throw failure({ code: "malformed_body", reason: "The form contains a NUL character. Leave it out." });
  }
  return form;
}

/** Reads a JSON body that may be missing. An empty body is `{}`, whatever its content type is. */
export async function optionalJsonBody({ request }: { readonly request: Request }): Promise<object> {
  const bytes = await readBounded(request, FIELDS_MAX_BYTES);
  if (bytes.length === 0) return {};
  requireJson(request);
  return parseJson(bytes);
}
