import { failure } from "../errors.ts";
import { chunksOf, declaredBytes } from "./body-stream.ts";
import { faultsOfUnknown } from "./unknown-fields.ts";

/**
 * JSON bodies of this API are forms of a few fields; a password may have 1,024 characters of four
 * bytes.
 */
export const JSON_BODY_MAX_BYTES = 64 * 1024;

/** The media type of a Content-Type header, without parameters, in lower case. */
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

/** An escape of half a surrogate pair, or what looks like one. */
const SURROGATE = /\\ud[89a-f]/i;

/**
 * Half of a surrogate pair can be escaped in JSON (RFC 8259 §8.2), is no text, and Postgres takes
 * none in its JSON.
 */
function requireWellFormed(name: string, value: unknown): unknown {
  if (!name.isWellFormed() || (typeof value === "string" && !value.isWellFormed())) throw new Error("no text");
  return value;
}

function parseJson(bytes: Uint8Array): object {
  let parsed: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    parsed = SURROGATE.test(text) ? JSON.parse(text, requireWellFormed) : JSON.parse(text);
  } catch {
    // The engine's message quotes the text, which may hold a password.
    throw failure({ code: "malformed_body", reason: "The body is not valid JSON in UTF-8." });
  }
  // A schema whose fields are all optional would take a list for an object without them.
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw failure({ code: "validation_failed", faults: [{ path: "", message: "must be a JSON object" }] });
}

function requireJson(request: Request): void {
  if (mediaType(request) !== "application/json") {
    throw failure({ code: "unsupported_media_type", expected: "application/json" });
  }
}

/**
 * Reads a JSON body of at most `JSON_BODY_MAX_BYTES`. Throws `unsupported_media_type`,
 * `payload_too_large`, `request_timeout` or `malformed_body`. For Elysia's `parse` of a route.
 */
export async function jsonBody({ request }: { readonly request: Request }): Promise<object> {
  requireJson(request);
  return parseJson(await readBounded(request, JSON_BODY_MAX_BYTES));
}

/**
 * Like `jsonBody`, for what cannot be undone: a field that is not known is `validation_failed`,
 * where elsewhere it is passed over, because who misspells what narrows a request would ask for all
 * of it.
 */
export function strictJsonBody({ properties }: { readonly properties: object }) {
  const message = `is not a field of this body: there are only ${Object.keys(properties).join(", ")}`;
  return async (context: { readonly request: Request }): Promise<object> => {
    const body = await jsonBody(context);
    const faults = faultsOfUnknown(Object.keys(body), properties, message);
    if (faults.length > 0) throw failure({ code: "validation_failed", faults });
    return body;
  };
}

/**
 * Like `jsonBody`, for a body that may be left out: without bytes it is `{}`, whatever the content
 * type says.
 */
export async function optionalJsonBody({ request }: { readonly request: Request }): Promise<unknown> {
  const bytes = await readBounded(request, JSON_BODY_MAX_BYTES);
  if (bytes.length === 0) return {};
  requireJson(request);
  return parseJson(bytes);
}
