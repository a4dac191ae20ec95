import { createHash } from "node:crypto";
import { matchesEntityTag } from "./entity-tag.ts";
import type { PreparedAnswers } from "./response-cache.ts";

export const JSON_TYPE = "application/json; charset=utf-8";

/**
 * Answers a document that changes: with an entity tag over its bytes and `no-cache`, so that clients ask again and get
 * 304 while it is the same.
 */
export function textResponse(request: Request, body: string, contentType: string, headers?: Record<string, string>) {
  return taggedResponse(request, tagged(body), contentType, { ...headers, "cache-control": "no-cache" });
}

interface Tagged {
  readonly body: string | Uint8Array<ArrayBuffer> | Blob;
  readonly entityTag: string;
}

function tagged(body: string | Uint8Array<ArrayBuffer>): Tagged {
  return { body, entityTag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
}

/** Answers with an entity tag over the bytes, and 304 to who has them. The headers say what caches may do. */
function taggedResponse(
  request: Request,
  { body, entityTag }: Tagged,
  contentType: string,
  headers: Readonly<Record<string, string>>,
): Response {
  const common = { ...headers, etag: entityTag };
  if (matchesEntityTag(request.headers.get("if-none-match"), entityTag))
    return new Response(null, { status: 304, headers: common });
  return new Response(body, { headers: { ...common, "content-type": contentType } });
}

/** Where an answer is kept, and what it is. Left out, `cacheControl` is that of a document that changes. */
interface Kept {
  readonly path: string;
  readonly contentType: string;
  readonly cacheControl?: string;
}

interface Loaded {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /** Whether it was asked for by one of very many addresses, and is kept under another. */
  readonly isAlias?: boolean;
}

/**
 * Answers what `load` gives, and offers it for those who ask next, under the one path it is kept for. What is kept is not loaded
 * again, whatever headers the request has that keep it from being answered without the app.
 */
export async function keptResponse(
  prepared: PreparedAnswers | undefined,
  request: Request,
  { path, contentType, cacheControl = "no-cache" }: Kept,
  load: () => Promise<Loaded>,
): Promise<Response> {
  const headers = { "cache-control": cacheControl };
  const kept = prepared?.document(path);
  if (kept !== undefined) return taggedResponse(request, kept, contentType, headers);
  const generation = prepared?.generation ?? 0;
  const { body: loaded, isAlias = false } = await load();
  const body = typeof loaded === "string" ? new TextEncoder().encode(loaded) : loaded;
  if (!isAlias) prepared?.offer(request, { path, generation, body });
  return taggedResponse(request, tagged(body), contentType, headers);
}

/** `textResponse` for JSON. */
export function jsonResponse(request: Request, value: object, headers?: Record<string, string>): Response {
  return textResponse(request, JSON.stringify(value), JSON_TYPE, headers);
}
