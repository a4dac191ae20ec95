import type { MayRead } from "../accounts/actor.ts";
import type { ByteRange } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { encodedFilePath } from "../domain/file-address.ts";
import { ARCHIVE_MEDIA_TYPE, archiveResponse } from "../http/archive-response.ts";
import { fileResponse } from "../http/file-response.ts";
import { contextOf } from "../http/request-context.ts";
import { findFile } from "./archive-file.ts";
import { findDownload, readArchive, requireStored } from "./download.ts";
import { readableName } from "./find-package.ts";
import type { PackageServices } from "./services.ts";

/**
 * Reports whether a version was asked for by its own number or as `latest`. With other build
 * metadata, a version has any number of addresses.
 */
export function isOwnAddress(asked: string, version: string): boolean {
  return asked === version || asked === "latest";
}

/** Larger archives are not cached; they are sent from their files. */
const CACHED_ARCHIVE_MAX_BYTES = 1024 * 1024;
/** After that the storage is asked again whether it still has the archive. */
const CACHED_ARCHIVE_TTL_MS = 1_000;

/** The parts of Elysia's context that a download needs. */
interface DownloadContext {
  readonly params: { readonly name: string; readonly version: string };
  readonly request: Request;
  readonly mayRead: MayRead;
}

/**
 * A file with a name may be deleted after the response that it was opened for, so it must not be
 * cached.
 */
function isInMemory(body: Blob | Uint8Array | undefined): body is Blob {
  return body instanceof Blob && !("name" in body && body.name !== undefined) && body.size <= CACHED_ARCHIVE_MAX_BYTES;
}

/** Makes the handler of downloads, which answers HEAD with the headers. */
export function downloadHandler(deps: Deps & PackageServices) {
  const { blobs, config, downloads, metrics, responseCache } = deps;
  return async ({ params, request, mayRead }: DownloadContext) => {
    const generation = responseCache?.generation ?? 0;
    const found = await findDownload(deps, readableName(mayRead, params.name), params.version);
    const fileName = `${found.name}-${found.version}.cpm`;
    const caching = { immutable: params.version !== "latest", shared: config.readAccess === "public" };
    const source = {
      check: () => requireStored(deps, found),
      read: (range?: ByteRange) => readArchive(deps, found, range, () => contextOf(request).connection.ended()),
      link: () => blobs.link(found.digest, { fileName, mediaType: ARCHIVE_MEDIA_TYPE }),
    };
    const { response, body, bytes, counts } = await archiveResponse(
      request,
      { ...found, fileName, ...caching },
      source,
    );
    const onSend = (address: string | null) => {
      metrics.downloads.count += 1;
      metrics.downloads.bytes += found.size;
      downloads.count(found.counted, address);
    };
    const { clientAddress } = contextOf(request);
    if (counts) metrics.downloads.count += 1;
    metrics.downloads.bytes += bytes;
    const isCounted = counts && downloads.count(found.counted, clientAddress);
    // Smaller archives are in the buffers of the connection at once, and nobody learns whether they
    // arrived. Bun 1.4.5 reports some aborted downloads, but not those that it notices by a failed
    // write.
    if (isCounted && found.size > CACHED_ARCHIVE_MAX_BYTES) {
      request.signal.addEventListener("abort", () => downloads.takeBack(found.counted, clientAddress), { once: true });
    }
    if (counts && isInMemory(body) && isOwnAddress(params.version, found.version)) {
      const path = `/api/packages/${found.name}/${encodeURIComponent(params.version)}/download`;
      responseCache?.offer(request, { path, generation, body, onSend, ttlMs: CACHED_ARCHIVE_TTL_MS });
    }
    return response;
  };
}

/** The parts of Elysia's context that a file of an archive needs. */
interface FileContext extends DownloadContext {
  readonly params: { readonly name: string; readonly version: string; readonly "*": string };
}

/** Makes the handler of single files. */
export function fileHandler(deps: Deps) {
  const { config, responseCache } = deps;
  return async ({ params, request, mayRead }: FileContext): Promise<Response> => {
    const generation = responseCache?.generation ?? 0;
    const name = readableName(mayRead, params.name);
    const path = decodedPath(params["*"]);
    const found = await findFile(deps, name, params.version, path);
    const caching = { immutable: params.version !== "latest", shared: config.readAccess === "public" };
    const { response, body } = await fileResponse(request, { ...found, ...caching });
    if (body !== undefined && isOwnAddress(params.version, found.version)) {
      const inVersion = `files/${encodedFilePath(path)}`;
      const address = `/api/packages/${name}/${encodeURIComponent(params.version)}/${inVersion}`;
      const cached = responseCache?.variants.pathFor(config, request, address);
      if (cached !== undefined) responseCache?.offer(request, { path: cached, generation, body });
    }
    return response;
  };
}

/**
 * Decodes the path of a file in an address. Text that is no encoded path is taken as it is: no file
 * has such a path.
 */
export function decodedPath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
