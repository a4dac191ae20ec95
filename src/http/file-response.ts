import { isEncoded } from "./content-encoding.ts";
import { matchesEntityTag, unchangedTag } from "./entity-tag.ts";
import { contextOf } from "./request-context.ts";

/** A file whose bytes a publisher chose. They are read only if the response needs them. */
export interface ServedFile {
  /** Lower-case hex SHA-256 of the file. */
  readonly sha256: string;
  /** True if the address names these bytes for ever. `latest` does not. */
  readonly immutable: boolean;
  /** False if only accounts may read. Then no shared cache may store the response. */
  readonly shared: boolean;
  read(): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly isText: boolean }>;
}

/**
 * Responds with a file, and with its bytes if they are the body. No browser may take it for a page
 * of the registry: it has no type but text or bytes, and `sandbox` takes the origin away.
 */
export async function fileResponse(
  request: Request,
  { sha256, immutable, shared, read }: ServedFile,
): Promise<{ readonly response: Response; readonly body?: Uint8Array<ArrayBuffer> }> {
  const headers = {
    etag: `"${sha256}"`,
    "cache-control": immutable ? `${shared ? "public" : "private"}, max-age=31536000, immutable` : "no-cache",
    "content-security-policy": "sandbox",
  };
  const ifNoneMatch = request.headers.get("if-none-match");
  if (matchesEntityTag(ifNoneMatch, headers.etag)) {
    const etag = unchangedTag(ifNoneMatch, headers.etag);
    return { response: new Response(null, { status: 304, headers: { ...headers, etag } }) };
  }
  const { bytes, isText } = await read();
  if (request.method === "HEAD") contextOf(request).contentLength = bytes.length;
  const type = isText ? "text/plain; charset=utf-8" : "application/octet-stream";
  contextOf(request).variesByEncoding = isEncoded(type, bytes.length);
  return { response: new Response(bytes, { headers: { ...headers, "content-type": type } }), body: bytes };
}
