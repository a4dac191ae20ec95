import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { gzipTag } from "./entity-tag.ts";

/** A shorter body fits into one packet of the network anyway. */
const ENCODED_MIN_BYTES = 1_024;
/** Up to this size, the thread pool costs more than it saves. */
const INLINE_MAX_BYTES = 32 * 1_024;
const LEVEL = 6;
/** JSON, problems and YAML, and text of every kind but the scripts and styles of the API page. */
const ENCODED_TYPE = /^(?:application\/(?:[a-z]+\+)?json|application\/yaml|text\/(?!javascript|css))/;
const WEIGHT = /;\s*q\s*=\s*([0-9.]+)/;

const gzipInThread = promisify(gzip);

/** Reports whether a body is compressed for clients that accept that. */
export function isEncoded(contentType: string, sizeBytes: number): boolean {
  return sizeBytes >= ENCODED_MIN_BYTES && ENCODED_TYPE.test(contentType);
}

/** Reports whether an `Accept-Encoding` header allows gzip (RFC 9110 §12.5.3). */
export function acceptsGzip(header: string | null): boolean {
  if (header === null) return false;
  let ofAny = false;
  for (const part of header.split(",")) {
    const coding = part.split(";", 1)[0]?.trim().toLowerCase();
    const isAllowed = Number(WEIGHT.exec(part)?.[1] ?? 1) > 0;
    if (coding === "gzip" || coding === "x-gzip") return isAllowed;
    if (coding === "*") ofAny = isAllowed;
  }
  return ofAny;
}

/** Adds `Accept-Encoding` to the headers that choose the response. */
export function varyByEncoding(headers: Headers): void {
  const vary = headers.get("vary");
  if (vary?.toLowerCase().includes("accept-encoding")) return;
  headers.set("vary", vary === null ? "Accept-Encoding" : `${vary}, Accept-Encoding`);
}

/** A response, and its body where that was compressed. */
export interface EncodedResponse {
  readonly response: Response;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/**
 * Compresses the body of a whole response to a GET if the client allows it, and if it is text that
 * is long enough. Answers to other methods may have tokens in them, and compressing these beside
 * something that an attacker chose would give them away (BREACH).
 */
export async function encodedResponse({ method, headers }: Request, response: Response): Promise<EncodedResponse> {
  const isWhole = method === "GET" && response.status === 200 && !response.headers.has("content-encoding");
  if (!isWhole || !acceptsGzip(headers.get("accept-encoding"))) return { response };
  if (!ENCODED_TYPE.test(response.headers.get("content-type") ?? "")) return { response };
  const bytes = new Uint8Array(await response.arrayBuffer());
  const own = new Headers(response.headers);
  if (bytes.length < ENCODED_MIN_BYTES) return { response: new Response(bytes, { headers: own }) };
  const body =
    bytes.length <= INLINE_MAX_BYTES
      ? Bun.gzipSync(bytes, { level: LEVEL })
      : new Uint8Array(await gzipInThread(bytes, { level: LEVEL }));
  const entityTag = own.get("etag");
  if (entityTag !== null) own.set("etag", gzipTag(entityTag));
  own.set("content-encoding", "gzip");
  own.delete("content-length");
  varyByEncoding(own);
  return { response: new Response(body, { headers: own }), body };
}
