import { Elysia, type Static } from "elysia";
import { actorGuard, authentication } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { jsonBody, optionalJsonBody } from "../http/body.ts";
import { cachedResponse, JSON_TYPE, jsonResponse, textResponse } from "../http/conditional-response.ts";
import { linkBase, withLinkBase } from "../http/links.ts";
import { cursorLink, pageLinks } from "../http/pagination.ts";
import { readProofWithHistory } from "../keys/read-package-log.ts";
import { countBefore, parseCursor } from "../search/list-cursor.ts";
import { askedOwnedPage } from "./asked-owned-page.ts";
import { askedTags } from "./asked-tags.ts";
import { askedVersions } from "./asked-versions.ts";
import { downloadHandler, fileHandler, isOwnAddress } from "./content-handlers.ts";
import { readTextFile, readVersionFiles } from "./contents.ts";
import { readDependents } from "./dependents.ts";
import { packageDocs } from "./docs.ts";
import { packageNameParam, readableName } from "./find-package.ts";
import { loadNamedVersion } from "./find-version.ts";
import { listOwned } from "./list-owned.ts";
import { setPackageStatus } from "./package-status.ts";
import { listPackages, packageJson, readPackageJson, readVersion, VERSIONS_PAGE_MAX } from "./read.ts";
import {
  askedStatus,
  askedYank,
  DependentsQuery,
  knownParameters,
  ListQuery,
  OwnedQuery,
  PackageStatusBody,
  VersionsQuery,
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

/** The parts of Elysia's context that a list needs. */
interface ListContext {
  readonly query: Static<typeof ListQuery>;
  readonly request: Request;
  readonly readable: readonly string[] | undefined;
}

/** Makes the handler of lists and searches. */
function listHandler(deps: Deps) {
  const { config } = deps;
  return async ({ query, request, readable }: ListContext) => {
    const { search, q, author, sort = "relevance", page: askedPage = 1, pageSize = 20 } = query;
    const asked = knownParameters(new URL(request.url).searchParams);
    // An empty parameter, as forms send it, asks for nothing.
    const narrowed = { search: search || q, tags: askedTags(asked), author: author || undefined, sort };
    const cursor = query.cursor ? parseCursor(narrowed, query.cursor) : undefined;
    const page = cursor === undefined ? askedPage : Math.floor(countBefore(cursor) / pageSize) + 1;
    const { isResembling: _, ...found } = await listPackages(deps, { ...narrowed, readable, page, pageSize, cursor });
    const totalPages = Math.ceil(found.total / pageSize);
    const listUrl = `${linkBase(config, request)}/api/packages`;
    const links =
      cursor === undefined ? pageLinks(listUrl, asked, page, totalPages) : cursorLink(listUrl, asked, found.nextCursor);
    return jsonResponse(request, { ...found, page, pageSize, totalPages }, links === "" ? {} : { link: links });
  };
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
    .get("", listHandler(deps), { query: ListQuery, reader: true, detail: packageDocs.list })
    .get(
      "/:name",
      async ({ params, query, request, mayRead }) => {
        const name = readableName(mayRead, params.name);
        const page = askedVersions(query);
        const isFirst = page.below === undefined && page.skipped === 0 && page.max === VERSIONS_PAGE_MAX;
        // Other pages are read from an index, and too many to be cached.
        const path = isFirst ? cachePath(request, `/api/packages/${name}`) : undefined;
        return cachedResponse(responseCache, request, { path, contentType: JSON_TYPE }, async () => ({
          body: await readPackageJson(withLinkBase(deps, request), name, page),
        }));
      },
      { query: VersionsQuery, reader: true, detail: packageDocs.show },
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

/** Routes of `/auth/packages`: the packages of an account. */
export function ownedPackageRoutes(deps: Deps) {
  return new Elysia({ prefix: "/auth/packages" })
    .use(authentication(deps))
    .get("", ({ actor, query }) => listOwned(deps, actor, askedOwnedPage(query)), {
      // A private registry answers only tokens that may read.
      reader: true,
      account: true,
      query: OwnedQuery,
      detail: packageDocs.owned,
    });
}

/** Routes of `/packages`: search, read, download and yank. */
export function packageRoutes(deps: Deps & PackageServices) {
  return new Elysia({ prefix: "/packages" }).use(readRoutes(deps)).use(contentRoutes(deps)).use(writeRoutes(deps));
}
