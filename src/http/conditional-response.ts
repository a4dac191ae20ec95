import { createHash } from "node:crypto";
import { isEncoded } from "./content-encoding.ts";
import { matchesEntityTag, unchangedTag } from "./entity-tag.ts";
import { contextOf } from "./request-context.ts";
import type { ResponseCache } from "./response-cache.ts";

/** The media type of JSON documents. */
export const JSON_TYPE = "application/json; charset=utf-8";

/**
 * Responds with a document that may change. It has an entity tag of its bytes and `no-cache`, so
 * clients revalidate it and get 304 while it is the same.
 */
export function textResponse(request: Request, body: string, contentType: string, headers?: Record<string, string>) {
  return taggedResponse(request, tagged(body), contentType, { ...headers, "cache-control": "no-cache" });
}

function sizeOf(body: Tagged["body"]): number {
  return body instanceof Blob ? body.size : body.length;
}

interface Tagged {
  readonly body: string | Uint8Array<ArrayBuffer> | Blob;
  readonly entityTag: string;
}

function tagged(body: string | Uint8Array<ArrayBuffer>): Tagged {
  return { body, entityTag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
}

/**
 * Responds with the body, or with 304 if the client has these bytes. `headers` must include the
 * caching rules.
 */
function taggedResponse(
  request: Request,
  { body, entityTag }: Tagged,
  contentType: string,
  headers: Readonly<Record<string, string>>,
): Response {
  const common = { ...headers, etag: entityTag };
  contextOf(request).variesByEncoding = isEncoded(contentType, sizeOf(body));
  const ifNoneMatch = request.headers.get("if-none-match");
  if (matchesEntityTag(ifNoneMatch, entityTag)) {
    const etag = unchangedTag(ifNoneMatch, entityTag);
    return new Response(null, { status: 304, headers: { ...common, etag } });
  }
  return new Response(body, { headers: { ...common, "content-type": contentType } });
}

/**
 * Names the path under which a document is cached, and how it is sent. `cacheControl` defaults to
 * that of a document that may change.
 */
interface CachedDocument {
  /** Undefined if the document is not to be cached. */
  readonly path: string | undefined;
  readonly contentType: string;
  readonly cacheControl?: string;
}

interface Loaded {
  readonly body: string | Uint8Array<ArrayBuffer>;
  /**
   * True if the requested path is one of many that name the same document. Such a path is not
   * cached: anybody could fill the cache with aliases.
   */
  readonly isAlias?: boolean;
}

/**
 * Responds with the document that `load` returns, and offers it to the response cache. If the
 * document is cached, it is not loaded again. That also helps requests that the cache itself did
 * not answer because of their headers.
 */
export async function cachedResponse(
  responseCache: ResponseCache | undefined,
  request: Request,
  { path, contentType, cacheControl = "no-cache" }: CachedDocument,
  load: () => Promise<Loaded>,
): Promise<Response> {
  const headers = { "cache-control": cacheControl };
  const cached = path === undefined ? undefined : responseCache?.cachedBody(path);
  if (cached !== undefined) return taggedResponse(request, cached, contentType, headers);
  const generation = responseCache?.generation ?? 0;
  const { body: loaded, isAlias = false } = await load();
  const body = typeof loaded === "string" ? new TextEncoder().encode(loaded) : loaded;
  if (!isAlias && path !== undefined) responseCache?.offer(request, { path, generation, body });
  return taggedResponse(request, tagged(body), contentType, headers);
}

/** Responds with a JSON document that may change, like `textResponse`. */
export function jsonResponse(request: Request, value: object, headers?: Record<string, string>): Response {
  return textResponse(request, JSON.stringify(value), JSON_TYPE, headers);
}
