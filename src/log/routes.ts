import { Elysia } from "elysia";
import { authentication } from "../accounts/authentication.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import { jsonResponse, keptResponse, textResponse } from "../http/conditional-response.ts";
import { parseTilePath } from "../tlog/tile.ts";
import { logDocs } from "./docs.ts";
import { readState } from "./log-rows.ts";
import { readConsistency } from "./read-proof.ts";
import { readPublishedTile } from "./read-tile.ts";
import { ConsistencyQuery } from "./schemas.ts";

const TEXT = "text/plain; charset=utf-8";

/** The log names every package: of a private registry, only who may read them all reads it. */
function requireEverything(readable: readonly string[] | undefined): void {
  if (readable === undefined || readable.includes("*")) return;
  throw failure({ code: "insufficient_scope", needed: "* among its packages, because the log names them all" });
}

/** `/log`: the transparency log as c2sp.org/tlog-tiles has it. */
export function logRoutes(deps: Deps) {
  const { db, config, prepared } = deps;
  const forEver = `${config.readAccess === "public" ? "public" : "private"}, max-age=31536000, immutable`;
  return new Elysia({ prefix: "/log" })
    .use(authentication(deps))
    .get(
      "/checkpoint",
      async ({ request, readable }) => {
        requireEverything(readable);
        const kept = { path: "/log/checkpoint", contentType: TEXT };
        return keptResponse(prepared, request, kept, async () => {
          const { checkpoint } = await db.read(readState);
          return { body: checkpoint };
        });
      },
      { reader: true, detail: logDocs.checkpoint },
    )
    .get(
      "/vkey",
      async ({ request, readable }) => {
        requireEverything(readable);
        const { vkey } = await db.read(readState);
        return textResponse(request, `${vkey}\n`, TEXT);
      },
      { reader: true, detail: logDocs.vkey },
    )
    .get(
      "/tile/*",
      async ({ params, request, readable }) => {
        requireEverything(readable);
        const path = `tile/${params["*"]}`;
        const tile = parseTilePath(path);
        const kept = { path: `/log/${path}`, contentType: "application/octet-stream", cacheControl: forEver };
        return keptResponse(prepared, request, kept, async () => {
          const found = tile && (await db.read((session) => readPublishedTile(session, tile)));
          if (found === undefined) throw failure({ code: "tile_not_found" });
          return { body: new Uint8Array(found) };
        });
      },
      { reader: true, detail: logDocs.tile },
    );
}

/** `/api/log`: what only this registry's own tools ask for. */
export function logProofRoutes(deps: Deps) {
  return new Elysia({ prefix: "/log" }).use(authentication(deps)).get(
    "/consistency",
    async ({ query: { from = 0, to }, request, readable }) => {
      requireEverything(readable);
      return jsonResponse(request, await readConsistency(deps, from, to));
    },
    { reader: true, query: ConsistencyQuery, detail: logDocs.consistency },
  );
}
