import { BlockList } from "node:net";
import { type Config, ConfigError } from "../config/config.ts";
import { parseProxies } from "../config/proxies.ts";
import { errorCode } from "../errors.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import type { Tracer } from "../tracing/tracer.ts";
import { clientBehind } from "./client-address.ts";
import { type Connection, MIN_DATA_RATE, type MinDataRate } from "./connection.ts";
import { encodedResponse, varyByEncoding } from "./content-encoding.ts";
import { DescriptorGuard } from "./descriptor-guard.ts";
import { readRest } from "./linger.ts";
import { problemResponse } from "./problem.ts";
import { BUSY_RETRY_SECONDS } from "./problem-form.ts";
import { contextOf, RequestContext, setContext } from "./request-context.ts";
import { RequestEnds } from "./request-ends.ts";
import type { ResponseCache } from "./response-cache.ts";

/** How long the server waits for clients. */
export interface ClientTimeouts {
  /**
   * A connection on which nothing is sent or read for this long is closed, in Bun's steps of four
   * seconds. The head of a connection's first request has 12 s; later heads have this. Neither
   * trickling bytes of a head nor a body of less than 16 KiB a second puts the timeout off, so a
   * body that is read has its own minimum rate, and Bun is told how long to wait for it.
   */
  readonly idleSeconds: number;
  readonly minDataRate: MinDataRate;
}

/** Bun's own limit of bodies, above every limit of ours. Bodies are bounded where they are read. */
const BODY_MAX_BYTES = 8 * 1024 ** 3;
/** How long requests in flight may take after the server was told to stop. */
const DRAIN_MS = 25_000;
const DRAIN_POLL_MS = 20;

type Handler = (request: Request) => Response | Promise<Response>;
type AsyncHandler = (request: Request) => Promise<Response>;

/** A server that is listening. */
export interface RunningServer {
  readonly port: number;
  readonly url: string;
  /** Accepts no new requests, waits for those in flight, and returns. */
  stop(): Promise<void>;
}

/** What a server needs in addition to its app. */
interface ServerDeps {
  readonly config: Pick<
    Config,
    "host" | "port" | "publicUrl" | "followsHost" | "trustedProxies" | "workers" | "idleTimeoutSeconds"
  >;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "requests" | "inFlight">;
  /** Undefined where no traces are sent. Responses of the cache are never traced. */
  readonly tracer?: Tracer | undefined;
  /** Undefined where a response to one client must not be sent to another. */
  readonly responseCache?: ResponseCache | undefined;
}

function prefixOf(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/$/, "");
}

/** Removes the path prefix of `PUBLIC_URL` from a path that has it. */
function withoutPrefix(path: string, prefix: string): string {
  return prefix !== "" && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

/**
 * Rewrites a request for the app: without the path prefix of `PUBLIC_URL`, for proxies that do not
 * strip it, and with a complete URL. No response depends on the Host header. HTTP/1.0 health checks
 * send none, and then Bun gives a path as the URL.
 */
function rewritten(received: Request, prefix: string): Request {
  const complete = URL.parse(received.url);
  const url = complete ?? new URL(`http://localhost${received.url.replace(/^https?:\/\/[^/]*/, "")}`);
  const pathname = withoutPrefix(url.pathname, prefix);
  if (complete !== null && pathname === url.pathname) return received;
  const inner = new Request(url.origin + pathname + url.search, received);
  setContext(inner, contextOf(received));
  return inner;
}

/**
 * Refuses requests that Bun accepts and RFC 9112 forbids: more than one Host (§3.2), and more than
 * one length, even equal ones, because another reader may frame them differently (§6.3). Bun joins
 * header lines of one name with commas. CONNECT is refused because no HTTP follows it.
 */
function ambiguityResponse({ method, headers }: Request): Response | undefined {
  const isAmbiguous = ["host", "content-length"].some((name) => headers.get(name)?.includes(","));
  if (!isAmbiguous && method !== "CONNECT") return undefined;
  return new Response(null, { status: isAmbiguous ? 400 : 501, headers: { connection: "close" } });
}

/** Reports whether a request is for `PUBLIC_URL` without the slash that relative links need. */
function lacksSlash({ url }: Request, prefix: string): boolean {
  return prefix !== "" && URL.parse(url)?.pathname === prefix;
}

function redirectToRoot(prefix: string): Response {
  return new Response(null, { status: 308, headers: { location: `${prefix}/` } });
}

/**
 * Returns the path under which the response cache stores the response to a URL: without the prefix
 * of `PUBLIC_URL` and without `/v1`. It is not parsed and keeps its query, because this runs for
 * almost every request.
 */
function cachePath(url: string, prefix: string): string {
  const path = withoutPrefix(url.slice(url.indexOf("/", 8)), prefix);
  return path.startsWith("/api/v1/") ? `/api${path.slice(7)}` : path;
}

function logRequest(logger: Logger, { method, url }: Request, { status, headers }: Response, startedMs: number): void {
  if (!logger.logsRequests) return;
  const ms = Math.round(performance.now() - startedMs);
  const requestId = headers.get("x-request-id") ?? undefined;
  logger.info("request", { requestId, method, path: new URL(url).pathname, status, ms });
}

/** Answers a request for which there are no descriptors, and gives back that of its connection. */
function refuseBusy(): Response {
  const response = problemResponse({ code: "busy", retryAfterSeconds: BUSY_RETRY_SECONDS }, crypto.randomUUID());
  response.headers.set("connection", "close");
  return response;
}

/** Sets the headers that every response has. */
function setCommonHeaders(
  { status, headers }: Response,
  { id, contentLength, variesByEncoding }: RequestContext,
): void {
  if (contentLength !== undefined) headers.set("content-length", String(contentLength));
  // Elysia writes 0 for HEAD. A 304 has the length of the whole response or none (RFC 9110 §8.6).
  else if (status === 304) headers.delete("content-length");
  headers.set("x-request-id", id);
  headers.set("x-content-type-options", "nosniff");
  // A response without caching rules of its route may hold a token or an account.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  if (variesByEncoding) varyByEncoding(headers);
}

/**
 * Wraps the app: adds the common headers, logs each request once, caches what may be cached, and
 * answers an unexpected error with a problem that contains nothing internal.
 */
function wrap(handle: Handler, { config, logger, metrics, responseCache }: ServerDeps): AsyncHandler {
  const prefix = prefixOf(config.publicUrl);
  return async (received) => {
    const startedMs = performance.now();
    const request = rewritten(received, prefix);
    const context = contextOf(request);
    let response: Response;
    try {
      response = lacksSlash(received, prefix) ? redirectToRoot(prefix) : await handle(request);
    } catch (cause) {
      logger.error("internal", { requestId: context.id, ...errorFields(cause) });
      response = problemResponse({ code: "internal" }, context.id);
    }
    if (request.method !== "GET") await readRest(request);
    setCommonHeaders(response, context);
    const pathOf = () => responseCache?.variants.pathFor(config, request, cachePath(request.url, ""));
    const path = context.cacheable === undefined ? undefined : pathOf();
    if (path !== undefined) responseCache?.put(request, path, response);
    const encoded = await encodedResponse(request, response);
    const encodedPath = encoded.body === undefined ? undefined : pathOf();
    if (encodedPath !== undefined) responseCache?.putEncoded(request, encodedPath, encoded);
    response = encoded.response;
    logRequest(logger, request, response, startedMs);
    metrics.requests.count(request.method, context.route, response.status, (performance.now() - startedMs) / 1000);
    return response;
  };
}

/** Wraps a handler so that each request is a span. */
function traced(respond: AsyncHandler, tracer: Tracer): AsyncHandler {
  return (request) => {
    const { method, headers } = request;
    const context = contextOf(request);
    const path = URL.parse(request.url)?.pathname ?? request.url;
    const described = { method, path, requestId: context.id, traceparent: headers.get("traceparent") };
    return tracer.request(
      described,
      () => respond(request),
      ({ status }) => ({ route: context.route, status }),
    );
  };
}

/** Makes the function that describes the connection of a request. */
function connectionReader(proxies: BlockList, { idleSeconds, minDataRate }: ClientTimeouts) {
  const ends = new RequestEnds();
  return (request: Request, server: Bun.Server<undefined>): Connection => ({
    minDataRate,
    // Bun knows no address of a request that has ended.
    ended: () => ends.wait(() => server.requestIP(request) !== null),
    clientAddress: () => {
      const peer = server.requestIP(request)?.address;
      return peer === undefined ? null : clientBehind(proxies, peer, request.headers.get("x-forwarded-for"));
    },
    extendIdleTimeout: (ms) => server.timeout(request, Math.max(idleSeconds, Math.ceil(ms / 1000) + 1)),
  });
}

/** What is wrong with the port and not with the host. */
const PORT_FAULTS = ["EADDRINUSE", "EACCES"];

/**
 * Starts Bun's server. Throws `ConfigError` if the machine has no such address. Bun reports any
 * code for a name that it cannot resolve.
 */
function bind(options: Bun.Serve.Options<undefined> & { readonly hostname: string }): Bun.Server<undefined> {
  try {
    return Bun.serve(options);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === undefined || PORT_FAULTS.includes(code)) throw cause;
    const message = `${options.hostname} is not an address of this machine (${code}). Use 0.0.0.0 for every IPv4 address`;
    throw new ConfigError([{ setting: "HOST", message }]);
  }
}

/**
 * Listens on the configured host and port. Throws if the port is taken: without `reusePort` a
 * second server on one port is an error and does not silently share it. Workers share the port, so
 * `serve` calls `requireFreePort` before it starts them.
 */
export function listen(
  handle: Handler,
  deps: ServerDeps,
  timeouts: ClientTimeouts = { idleSeconds: deps.config.idleTimeoutSeconds, minDataRate: MIN_DATA_RATE },
): RunningServer {
  const { config, logger, responseCache } = deps;
  const prefix = prefixOf(config.publicUrl);
  const untraced = wrap(handle, deps);
  const respond = deps.tracer === undefined ? untraced : traced(untraced, deps.tracer);
  const connectionOf = connectionReader(parseProxies(config.trustedProxies) ?? new BlockList(), timeouts);
  const server = bind({
    hostname: config.host,
    port: config.port,
    reusePort: config.workers > 1,
    idleTimeout: timeouts.idleSeconds,
    maxRequestBodySize: BODY_MAX_BYTES,
    fetch: (request, bun) => {
      if (guard.isShort) return refuseBusy();
      // Without a Host header, Bun gives a path as the URL.
      const addressOf = () => connectionOf(request, bun).clientAddress();
      const path =
        responseCache && request.url.startsWith("http")
          ? responseCache.variants.pathFor(config, request, cachePath(request.url, prefix))
          : undefined;
      const cached = path === undefined ? undefined : responseCache?.match(request, path, addressOf);
      if (cached) {
        if (logger.logsRequests) logRequest(logger, request, cached, performance.now());
        return cached;
      }
      setContext(request, new RequestContext(request, connectionOf(request, bun)));
      return ambiguityResponse(request) ?? respond(request);
    },
    error: (cause) => {
      // Bun opens the file of a large archive itself, and reports here that it could not.
      if (faultCode(errorCode(cause))?.kind === "exhausted") return refuseBusy();
      logger.error("internal", errorFields(cause));
      return problemResponse({ code: "internal" }, crypto.randomUUID());
    },
  });
  deps.metrics.inFlight = () => server.pendingRequests;
  const guard = new DescriptorGuard(() => server.closeIdleConnections(), logger);
  const port = server.port ?? config.port;
  return {
    port,
    url: config.port === 0 ? `http://localhost:${port}` : config.publicUrl,
    stop: async () => {
      await drain(server);
      guard.stop();
    },
  };
}

/**
 * Throws like `listen` if another process has the port. Workers share it, so they would not notice.
 */
export function requireFreePort({ host, port }: Pick<Config, "host" | "port">): void {
  const probe = bind({ hostname: host, port, reusePort: false, fetch: () => new Response() });
  void probe.stop(true);
}

/**
 * Stops listening and waits for requests in flight. It polls their number instead of awaiting
 * `stop(false)`, which never resolves while a client keeps half of a refused upload in its socket.
 */
async function drain(server: Bun.Server<undefined>): Promise<void> {
  void server.stop(false);
  const deadlineMs = performance.now() + DRAIN_MS;
  while (server.pendingRequests > 0 && performance.now() < deadlineMs) await Bun.sleep(DRAIN_POLL_MS);
  await server.stop(true);
}
