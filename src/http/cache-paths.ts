import { LOG } from "../db/invalidations.ts";

const PACKAGES = "/api/packages/";
const CHECKPOINT = "/log/checkpoint";
/** Tiles never change, so no invalidation names them. */
const TILES = "/log/tile/";
/** Ends the path of a compressed form. No path has a blank, and this one is below its package. */
const ENCODED = "/ gzip";

/** Returns the path under which the compressed form of a document is cached. */
export function encodedPath(path: string): string {
  return path + ENCODED;
}

/** Reports whether a path names a package or something below one, which its changes invalidate. */
export function isOfPackage(path: string): boolean {
  return path.startsWith(PACKAGES);
}

/**
 * Splits a path into the name that invalidates it (a package, or the log) and the rest of the path.
 */
export function splitPath(path: string): [name: string, rest: string] {
  if (path === CHECKPOINT) return [LOG, path];
  if (path.startsWith(TILES)) return [TILES, path];
  if (!path.startsWith(PACKAGES)) return ["", path];
  const end = path.indexOf("/", PACKAGES.length);
  return end < 0 ? [path.slice(PACKAGES.length), ""] : [path.slice(PACKAGES.length, end), path.slice(end)];
}

/**
 * Reports whether the cache may answer a request. The app answers cross-origin requests, bodies and
 * odd Host headers.
 */
export function isPlain({ method, headers }: Request): boolean {
  return (
    method === "GET" &&
    !headers.has("origin") &&
    !headers.has("content-length") &&
    !headers.has("transfer-encoding") &&
    !headers.get("host")?.includes(",")
  );
}
