import { Elysia } from "elysia";
import type { MayRead } from "../accounts/actor.ts";
import { actorGuard, authentication } from "../accounts/authentication.ts";
import type { ByteRange } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { ARCHIVE_MEDIA_TYPE, archiveResponse } from "../http/archive-response.ts";
import { jsonBody, optionalJsonBody } from "../http/body.ts";
import { cachedResponse, JSON_TYPE, jsonResponse, textResponse } from "../http/conditional-response.ts";
import { fileResponse } from "../http/file-response.ts";
import { linkBase, withLinkBase } from "../http/links.ts";
import { cursorLink, pageLinks } from "../http/pagination.ts";
import { contextOf } from "../http/request-context.ts";
import { readProofWithHistory } from "../keys/read-package-log.ts";
import { countBefore, parseCursor } from "../search/list-cursor.ts";
import { findFile } from "./archive-file.ts";
import { readTextFile, readVersionFiles } from "./contents.ts";
import { readDependents } from "./dependents.ts";
import { packageDocs } from "./docs.ts";
import { findDownload, readArchive, requireStored } from "./download.ts";
import { packageNameParam, readableName } from "./find-package.ts";
import { loadNamedVersion } from "./find-version.ts";
import { setPackageStatus } from "./package-status.ts";
import { listPackages, packageJson, readPackageJson, readVersion } from "./read.ts";
import {
  askedStatus,
  askedTags,
  askedYank,
  DependentsQuery,
  knownParameters,
  ListQuery,
  PackageStatusBody,
  YankBody,
} from "./schemas.ts";
import type { PackageServices } from "./services.ts";
import { readSignature } from "./signature.ts";
import { setYanked } from "./yank.ts";

const TEXT_ROUTES = [
  { path: "/:name/:version/readme", file: "README.md", mediaType: "text/markdown" },
  { path: "/:name/:version/manifest", file: "colony.yaml", mediaType: "application/yaml" },
  { path: "/:name/:version/values", file: "values.yaml", mediaType: "application/yaml" },
] as const;

/**
 * Reports whether a version was asked for by its own number or as `latest`. With other build
 * metadata, a version has any number of addresses.
 */
function isOwnAddress(asked: string, version: string): boolean {
  return asked === version || asked === "latest";
}

/**
 * Routes that search and read packages: for everybody, or for accounts only where `READ_ACCESS`
 * says so.
 */
function readRoutes(deps: Deps) {
  const { config, responseCache } = deps;
  /** The path under which a document with links is cached for the client of a request. */
  const cachePath = (request: Request, path: string) => responseCache?.variants.pathFor(config, request, path);
  return new Elysia()
    .use(authentication(deps))
    .get(
      "",
      async ({ query, request, readable }) => {
        const { search, q, author, sort = "relevance", page: askedPage = 1, pageSize = 20 } = query;
        const asked = knownParameters(new URL(request.url).searchParams);
        // An empty parameter, as forms send it, asks for nothing.
        const narrowed = { search: search || q, tags: askedTags(asked), author: author || undefined, sort };
        const cursor = query.cursor ? parseCursor(narrowed, query.cursor) : undefined;
        const page = cursor === undefined ? askedPage : Math.floor(countBefore(cursor) / pageSize) + 1;
        const found = await listPackages(deps, { ...narrowed, readable, page, pageSize, cursor });
        const totalPages = Math.ceil(found.total / pageSize);
        const listUrl = `${linkBase(config, request)}/api/packages`;
        const links =
          cursor === undefined
            ? pageLinks(listUrl, asked, page, totalPages)
            : cursorLink(listUrl, asked, found.nextCursor);
        return jsonResponse(request, { ...found, page, pageSize, totalPages }, links === "" ? {} : { link: links });
      },
      { query: ListQuery, reader: true, detail: packageDocs.list },
    )
    .get(
      "/:name",
      async ({ params, request, mayRead }) => {
        const name = readableName(mayRead, params.name);
        const target = { path: cachePath(request, `/api/packages/${name}`), contentType: JSON_TYPE };
        return cachedResponse(responseCache, request, target, async () => ({
          body: await readPackageJson(withLinkBase(deps, request), name),
        }));
      },
      { reader: true, detail: packageDocs.show },
    )
    .get(
      "/:name/dependents",
      async ({ params, query: { cursor: after = 0, pageSize = 20 }, request, mayRead, readable }) => {
        const name = readableName(mayRead, params.name);
        const { items, next } = await readDependents(deps, name, { readable, after, pageSize });
        return jsonResponse(request, { items, nextCursor: next === undefined ? null : String(next) });
      },
      { query: DependentsQuery, reader: true, detail: packageDocs.dependents },
    )
    .get(
      "/:name/:version",
      async ({ params, request, mayRead }) => {
        const name = readableName(mayRead, params.name);
        const path = cachePath(request, `/api/packages/${name}/${encodeURIComponent(params.version)}`);
        return cachedResponse(responseCache, request, { path, contentType: JSON_TYPE }, async () => {
          const found = await readVersion(withLinkBase(deps, request), name, params.version);
          return { body: JSON.stringify(found), isAlias: !isOwnAddress(params.version, found.version) };
        });
      },
      { reader: true, detail: packageDocs.version },
    )
    .get(
      "/:name/:version/signature",
      async ({ params: { name, version }, request, mayRead }) =>
        jsonResponse(request, await readSignature(deps, readableName(mayRead, name), version)),
      { reader: true, detail: packageDocs.signature },
    );
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
function downloadHandler(deps: Deps & PackageServices) {
  const { blobs, config, downloads, responseCache } = deps;
  return async ({ params, request, mayRead }: DownloadContext) => {
    const generation = responseCache?.generation ?? 0;
    const found = await findDownload(deps, readableName(mayRead, params.name), params.version);
    const fileName = `${found.name}-${found.version}.cpm`;
    const caching = { immutable: params.version !== "latest", shared: config.readAccess === "public" };
    const source = {
      check: () => requireStored(deps, found),
      read: (range?: ByteRange) => readArchive(deps, found, range),
      link: () => blobs.link(found.digest, { fileName, mediaType: ARCHIVE_MEDIA_TYPE }),
    };
    const { response, body, counts } = await archiveResponse(request, { ...found, fileName, ...caching }, source);
    const onSend = (address: string | null) => downloads.count(found.counted, address);
    const { clientAddress } = contextOf(request);
    const isCounted = counts && onSend(clientAddress);
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
function fileHandler(deps: Deps) {
  const { config, responseCache } = deps;
  return async ({ params, request, mayRead }: FileContext): Promise<Response> => {
    const generation = responseCache?.generation ?? 0;
    const name = readableName(mayRead, params.name);
    const path = decodedPath(params["*"]);
    const found = await findFile(deps, name, params.version, path);
    const caching = { immutable: params.version !== "latest", shared: config.readAccess === "public" };
    const { response, body } = await fileResponse(request, { ...found, ...caching });
    if (body !== undefined && isOwnAddress(params.version, found.version)) {
      const inVersion = `files/${path.split("/").map(encodeURIComponent).join("/")}`;
      const address = `/api/packages/${name}/${encodeURIComponent(params.version)}/${inVersion}`;
      responseCache?.offer(request, { path: address, generation, body });
    }
    return response;
  };
}

/** Text that is no encoded path is taken as it is: no file has such a path. */
function decodedPath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Routes of the contents of a version: the archive itself, and parts of it as text. */
function contentRoutes(deps: Deps & PackageServices) {
  const { db } = deps;
  const app = new Elysia()
    .use(authentication(deps))
    .get(
      "/:name/:version/proof",
      async ({ params: { name, version }, request, mayRead }) => {
        const readable = readableName(mayRead, name);
        const found = await db.read((session) => loadNamedVersion(session, readable, version));
        return textResponse(request, await readProofWithHistory(deps, found.row), "text/plain; charset=utf-8");
      },
      { reader: true, detail: packageDocs.proof },
    )
    .get("/:name/:version/download", downloadHandler(deps), { reader: true, detail: packageDocs.download })
    .get(
      "/:name/:version/files",
      async ({ params: { name, version }, request, mayRead }) => {
        const { files: items } = await readVersionFiles(deps, readableName(mayRead, name), version);
        return jsonResponse(request, { items });
      },
      { reader: true, detail: packageDocs.files },
    )
    .get("/:name/:version/files/*", fileHandler(deps), { reader: true, detail: packageDocs.file });
  for (const { path, file, mediaType } of TEXT_ROUTES) {
    app.get(
      path,
      async ({ params, request, mayRead }) => {
        const text = await readTextFile(deps, readableName(mayRead, params.name), params.version, file);
        return textResponse(request, text, `${mediaType}; charset=utf-8`);
      },
      { reader: true, detail: packageDocs.text(file, mediaType) },
    );
  }
  return app;
}

/** Routes that yank versions and set the status of packages. */
function writeRoutes(deps: Deps) {
  return new Elysia()
    .use(authentication(deps))
    .delete(
      "/:name/:version",
      ({ params, actor, db, body, request }) =>
        setYanked(
          { ...withLinkBase(deps, request), db },
          actor,
          packageNameParam(params.name),
          params.version,
          askedYank(body),
        ),
      {
        account: true,
        parse: [actorGuard(deps, "account"), optionalJsonBody, "application/json"],
        body: YankBody,
        detail: packageDocs.yank,
      },
    )
    .post(
      "/:name/:version",
      ({ params, actor, db, request }) =>
        setYanked(
          { ...withLinkBase(deps, request), db },
          actor,
          packageNameParam(params.name),
          params.version,
          undefined,
        ),
      { account: true, parse: "none", detail: packageDocs.unyank },
    )
    .put(
      "/:name/status",
      async ({ params, actor, db, body, request }) => {
        const name = packageNameParam(params.name);
        const changed = await setPackageStatus({ ...deps, db }, actor, name, askedStatus(body));
        const text = await packageJson(linkBase(deps.config, request), changed);
        return new Response(text, { headers: { "content-type": JSON_TYPE } });
      },
      {
        account: true,
        parse: [actorGuard(deps, "account"), jsonBody, "application/json"],
        body: PackageStatusBody,
        detail: packageDocs.status,
      },
    );
}

/** Routes of `/packages`: search, read, download and yank. */
export function packageRoutes(deps: Deps & PackageServices) {
  return new Elysia({ prefix: "/packages" }).use(readRoutes(deps)).use(contentRoutes(deps)).use(writeRoutes(deps));
}
