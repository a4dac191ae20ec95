import type { Config } from "../config/config.ts";
import { isOfPackage } from "./cache-paths.ts";

/** What links are made of. */
export type LinkConfig = Pick<Config, "publicUrl" | "followsHost">;

/**
 * Origins that are safe in a link: a name or an address, and a port. Nothing else of a Host header.
 */
const SAFE_ORIGIN = /^http:\/\/(?:[a-z0-9][a-z0-9.-]{0,252}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/i;
/** This machine itself, which `PUBLIC_URL` names by default. */
const LOOPBACK = /^http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|$)/i;

/**
 * Returns the base of the links in the response to a request: `PUBLIC_URL`. Where that is not set
 * and others may reach the server, it is the address that the client itself used. Nothing that is
 * signed depends on it, and such a response goes to this client only.
 */
export function linkBase({ publicUrl, followsHost }: LinkConfig, { url, headers }: Request): string {
  if (!followsHost || !headers.has("host")) return publicUrl;
  const pathAt = url.indexOf("/", 8);
  const origin = pathAt < 0 ? url : url.slice(0, pathAt);
  return SAFE_ORIGIN.test(origin) && !LOOPBACK.test(origin) ? origin.toLowerCase() : publicUrl;
}

/** Returns dependencies whose `publicUrl` is the base of the links in the response to a request. */
export function withLinkBase<D extends { readonly config: LinkConfig }>(deps: D, request: Request): D {
  const publicUrl = linkBase(deps.config, request);
  return publicUrl === deps.config.publicUrl ? deps : { ...deps, config: { ...deps.config, publicUrl } };
}

const VARIANTS_MAX = 8;
/** Invented hosts keep those of others out of the cache for this long at most. */
const FORGET_MS = 60_000;

/** Tells documents in the response cache apart that differ only in the base of their links. */
export class LinkVariants {
  readonly #bases = new Set<string>();
  #sinceMs = 0;

  constructor(readonly clockMs: () => number = () => performance.now()) {}

  /**
   * Returns the path under which a document is cached for the client of a request. Undefined if it
   * is not to be cached: anybody could fill the cache with invented hosts.
   */
  pathFor(config: LinkConfig, request: Request, path: string): string | undefined {
    const base = linkBase(config, request);
    if (base === config.publicUrl || !hasLinks(path)) return path;
    if (!this.#bases.has(base) && !this.#add(base)) return undefined;
    // No path has a blank, so a variant is no other document. It is below its package, as before.
    return `${path}/ ${base}`;
  }

  /** Remembers a base. Returns false if there are too many for now. */
  #add(base: string): boolean {
    const nowMs = this.clockMs();
    if (nowMs - this.#sinceMs > FORGET_MS) {
      this.#bases.clear();
      this.#sinceMs = nowMs;
    }
    if (this.#bases.size >= VARIANTS_MAX) return false;
    this.#bases.add(base);
    return true;
  }
}

/** The path of an archive. `/api/packages/download` is the document of a package of that name. */
const ARCHIVE = /^\/api\/packages\/[^/]+\/[^/]+\/download$/;

/** Archives have no links, nor has anything of the log. */
function hasLinks(path: string): boolean {
  return isOfPackage(path) && !ARCHIVE.test(path);
}
