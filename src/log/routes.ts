import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { cachedResponse, jsonResponse, textResponse } from "../http/conditional-response.ts";
import { parseTilePath } from "../tlog/tile.ts";
import { logDocs } from "./docs.ts";
import { readState } from "./log-rows.ts";
import { readChangesView } from "./read-changes.ts";
import { readConsistency } from "./read-proof.ts";
import { readPublishedTile } from "./read-tile.ts";
import { ChangesQuery, ConsistencyQuery } from "./schemas.ts";

const TEXT = "text/plain; charset=utf-8";

/**
 * Throws `insufficient_scope` unless the caller may read all packages: the log names every package.
 */
function requireAllPackages(readable: readonly string[] | undefined): void {
  if (readable === undefined || readable.includes("*")) return;
  throw failure({ code: "insufficient_scope", needed: "* among its packages, because the log names every package" });
}

/** The routes under `/log`: the transparency log as in c2sp.org/tlog-tiles. */
export function logRoutes(deps: Deps) {
  const { db, config, responseCache } = deps;
  const immutable = `${config.readAccess === "public" ? "public" : "private"}, max-age=31536000, immutable`;
  return new Elysia({ prefix: "/log" })
    .use(authentication(deps))
    .get(
      "/checkpoint",
      async ({ request, readable }) => {
        requireAllPackages(readable);
        const target = { path: "/log/checkpoint", contentType: TEXT };
        return cachedResponse(responseCache, request, target, async () => {
          const { checkpoint } = await db.read(readState);
          return { body: checkpoint };
        });
      },
      { reader: true, detail: logDocs.checkpoint },
    )
    .get(
      "/vkey",
      async ({ request, readable }) => {
        requireAllPackages(readable);
        const { vkey } = await db.read(readState);
        return textResponse(request, `${vkey}\n`, TEXT);
      },
      { reader: true, detail: logDocs.vkey },
    )
    .get(
      "/tile/*",
      async ({ params, request, readable }) => {
        requireAllPackages(readable);
        const path = `tile/${params["*"]}`;
        const tile = parseTilePath(path);
        const target = { path: `/log/${path}`, contentType: "application/octet-stream", cacheControl: immutable };
        return cachedResponse(responseCache, request, target, async () => {
          const found = tile && (await db.read((session) => readPublishedTile(session, tile)));
          if (found === undefined) throw failure({ code: "tile_not_found" });
          return { body: new Uint8Array(found) };
        });
      },
      { reader: true, detail: logDocs.tile },
    );
}

/** The routes under `/api/log`, which only the tools of this registry use. */
export function logProofRoutes(deps: Deps) {
  return new Elysia({ prefix: "/log" })
    .use(authentication(deps))
    .get(
      "/consistency",
      async ({ query: { from = 0, to }, request, readable }) => {
        requireAllPackages(readable);
        return jsonResponse(request, await readConsistency(deps, from, to));
      },
      { reader: true, query: ConsistencyQuery, detail: logDocs.consistency },
    )
    .get(
      "/changes",
      async ({ query: { size }, request, readable }) => {
        requireAllPackages(readable);
        return jsonResponse(request, await readChangesView(deps, size));
      },
      { reader: true, query: ChangesQuery, detail: logDocs.changes },
    );
}
