import type { CacheableResponse } from "./cacheable-response.ts";
import { type Connection, NO_CONNECTION } from "./connection.ts";
import { requestIdFrom } from "./request-id.ts";

/** Reads a request body in pieces. */
export type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

/**
 * What the server knows about one request, in addition to the request itself. An upper room adds
 * its own member by module augmentation, so that http/ does not have to know it.
 */
export class RequestContext {
  readonly id: string;
  /** The template of the route that answers. Undefined if there is none. */
  route: string | undefined = undefined;
  /** Set by a route whose response may be cached. */
  cacheable: CacheableResponse | undefined = undefined;
  /**
   * The length of the body that a HEAD request does not get. Elysia would read the body of the GET
   * to its end to measure it, and overwrites the header; so http/server.ts sets it after Elysia.
   */
  contentLength: number | undefined = undefined;
  /** True if the response is compressed for clients that accept that. */
  variesByEncoding = false;
  /** What is left of a body whose reading ended early. */
  unread: BodyReader | undefined = undefined;

  constructor(
    request: Request,
    readonly connection: Connection,
  ) {
    this.id = requestIdFrom(request.headers);
  }

  get clientAddress(): string | null {
    return this.connection.clientAddress();
  }
}

const contexts = new WeakMap<Request, RequestContext>();

/** Returns the context of a request. Creates one for a request that came over no connection. */
export function contextOf(request: Request): RequestContext {
  const known = contexts.get(request);
  if (known !== undefined) return known;
  const context = new RequestContext(request, NO_CONNECTION);
  contexts.set(request, context);
  return context;
}

/** Gives a request its context. A request that is rewritten on its way keeps the context it has. */
export function setContext(request: Request, context: RequestContext): void {
  contexts.set(request, context);
}
