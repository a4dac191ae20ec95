import { LOG } from "../db/invalidations.ts";

const PACKAGES = "/api/packages/";
/** Pages of packages, for people. */
const PAGES = "/packages/";
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
  return path.startsWith(PACKAGES) || path.startsWith(PAGES);
}

/**
 * Splits a path into the name that invalidates it (a package, or the log) and the rest of the path.
 * The rest of a page is its whole path: nothing of the API is called like that below a package.
 */
export function splitPath(path: string): [name: string, rest: string] {
  if (path === CHECKPOINT) return [LOG, path];
  if (path.startsWith(TILES)) return [TILES, path];
  if (path.startsWith(PAGES)) return [nameAfter(PAGES, path), path];
  if (!path.startsWith(PACKAGES)) return ["", path];
  const name = nameAfter(PACKAGES, path);
  return [name, path.slice(PACKAGES.length + name.length)];
}

/** Returns the name of the package that follows the start of a path, up to a slash. */
function nameAfter(start: string, path: string): string {
  const end = path.indexOf("/", start.length);
  return end < 0 ? path.slice(start.length) : path.slice(start.length, end);
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
