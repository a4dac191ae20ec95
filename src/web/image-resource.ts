import { failure } from "../errors.ts";
import { fileResponse } from "../http/file-response.ts";
import { findFile } from "../packages/archive-file.ts";
import { decodedPath } from "../packages/content-handlers.ts";
import { packageNameParam } from "../packages/find-package.ts";
import type { Visit, WebDeps } from "./visit.ts";

/** How the formats that browsers draw begin. `?` is any byte. */
const SIGNATURES = [
  ["image/png", "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", "\xff\xd8\xff"],
  ["image/gif", "GIF8"],
  ["image/webp", "RIFF????WEBP"],
] as const;

/** A drawing that is opened by itself runs no script, and loads nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

function hasSignature(bytes: Uint8Array, signature: string): boolean {
  return [...signature].every((char, at) => char === "?" || bytes[at] === char.charCodeAt(0));
}

/** Returns the media type of an image; undefined for bytes that are none. */
function imageType(path: string, bytes: Uint8Array): string | undefined {
  const found = SIGNATURES.find(([, signature]) => hasSignature(bytes, signature))?.[0];
  return found ?? (/\.svg$/i.test(path) ? "image/svg+xml" : undefined);
}

/**
 * Responds with an image of a version, for the pages that show it. Its type is that of its bytes.
 * Throws what `findFile` throws, and `file_not_found` for a file that is no image.
 */
export async function imageResource(deps: WebDeps, { request, params }: Visit): Promise<Response> {
  const name = packageNameParam(params.name);
  const { version: asked = "" } = params;
  const path = decodedPath(params["*"] ?? "");
  const found = await findFile(deps, name, asked, path);
  const { bytes, isText } = await found.read();
  const type = imageType(path, bytes);
  if (type === undefined) throw failure({ code: "file_not_found", name, version: found.version });
  const caching = { immutable: asked !== "latest", shared: deps.config.readAccess === "public" };
  const { response } = await fileResponse(request, { ...found, ...caching, read: async () => ({ bytes, isText }) });
  response.headers.set("content-security-policy", POLICY);
  response.headers.set("cross-origin-resource-policy", "same-origin");
  if (response.status === 200) response.headers.set("content-type", type);
  return response;
}
