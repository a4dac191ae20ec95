import { BlockList } from "node:net";
import type { Config } from "../config/config.ts";
import { parseProxies } from "../config/proxies.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { copyArrival, keepArrival, PACE, type Pace } from "./body-pace.ts";
import { clientBehind, copyClientAddress, keepClientAddress } from "./client-address.ts";
import { declaredLength } from "./head-length.ts";
import { problemResponse } from "./problem.ts";
import { keepRequestId, requestId } from "./request-id.ts";
import type { ResponseCache } from "./response-cache.ts";

/** How long clients are waited for. */
export interface Patience {
  /**
   * A client that sends or reads nothing for this long is let go, with a step of Bun's of four
   * seconds. The head of a connection's first request has 12 s, later ones have this; bytes do not
   * put it off. Nor do they for a body of less than 16 KiB a second, so one that is read has its
   * own pace and Bun is told that it keeps it.
   */
  readonly idleSeconds: number;
  readonly pace: Pace;
}

const PATIENCE: Patience = { idleSeconds: 60, pace: PACE };
/** Bodies are bounded where they are read; this is only Bun's own limit, above all of ours. */
const BODY_MAX_BYTES = 8 * 1024 ** 3;
/** How long requests in flight may take when the server is told to stop. */
const DRAIN_MS = 25_000;
const DRAIN_POLL_MS = 20;

type Handler = (request: Request) => Response | Promise<Response>;

/**
 * A server that is listening. `stop` takes no new requests, waits for those in flight and returns.
 */
export interface RunningServer {
  readonly port: number;
  readonly url: string;
  stop(): Promise<void>;
}

/** A path without the prefix of `PUBLIC_URL`, should it have it. */
function withoutPrefix(path: string, prefix: string): string {
  return prefix !== "" && path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
}

/**
 * Answers under the path prefix of `PUBLIC_URL` too, for proxies that do not strip it; and whatever
 * the Host header is, because no answer depends on it: HTTP/1.0 health checks send none, and then
 * Bun gives a path for an address.
 */
function addressed(received: Request, prefix: string): Request {
  const complete = URL.parse(received.url);
  const url = complete ?? new URL(`http://localhost${received.url.replace(/^https?:\/\/[^/]*/, "")}`);
  const pathname = withoutPrefix(url.pathname, prefix);
  if (complete !== null && pathname === url.pathname) return received;
  const inner = new Request(url.origin + pathname + url.search, received);
  keepRequestId(received, inner);
  copyClientAddress(received, inner);
  copyArrival(received, inner);
  return inner;
}

/**
 * Refuses what Bun lets through and RFC 9112 does not: more than one Host (§3.2), and lengths that
 * another reader may take otherwise (§6.3), even equal ones. Bun joins lines of one name with
 * commas. Behind CONNECT comes no HTTP.
 */
function refusal({ method, headers }: Request): Response | undefined {
  const isTwofold = ["host", "content-length"].some((name) => headers.get(name)?.includes(","));
  if (!isTwofold && method !== "CONNECT") return undefined;
  return new Response(null, { status: isTwofold ? 400 : 501, headers: { connection: "close" } });
}

/** `PUBLIC_URL` without the slash that relative addresses need behind it. */
function isBare({ url }: Request, prefix: string): boolean {
  return prefix !== "" && URL.parse(url)?.pathname === prefix;
}

function toRoot(prefix: string): Response {
  return new Response(null, { status: 308, headers: { location: `${prefix}/` } });
}

/** What a server needs besides its app. */
interface Serving {
  readonly config: Pick<Config, "host" | "port" | "publicUrl" | "trustedProxies" | "workers">;
  readonly logger: Logger;
  /** Left out where no answer may be given to another than who asked. */
  readonly responseCache?: ResponseCache | undefined;
}

function prefixOf(publicUrl: string): string {
  return new URL(publicUrl).pathname.replace(/\/$/, "");
}

/**
 * The path of an address as prepared answers are kept under: without the prefix of `PUBLIC_URL`,
 * and without `/v1`. Still as it was sent, with its query, because almost every request comes by
 * here.
 */
function plainPath(url: string, prefix: string): string {
  const path = withoutPrefix(url.slice(url.indexOf("/", 8)), prefix);
  return path.startsWith("/api/v1/") ? `/api${path.slice(7)}` : path;
}

function tell(logger: Logger, { method, url }: Request, { status, headers }: Response, startedMs: number): void {
  if (!logger.logsRequests) return;
  const ms = Math.round(performance.now() - startedMs);
  const requestId = headers.get("x-request-id") ?? undefined;
  logger.info("request", { requestId, method, path: new URL(url).pathname, status, ms });
}

/** Adds what every answer carries, logs it once, and makes sure that nothing internal gets out. */
export function answering(handle: Handler, { config, logger, responseCache }: Serving): Handler {
  const prefix = prefixOf(config.publicUrl);
  return async (received) => {
    const startedMs = performance.now();
    const request = addressed(received, prefix);
    const id = requestId(request);
    let response: Response;
    try {
      response = isBare(received, prefix) ? toRoot(prefix) : await handle(request);
    } catch (cause) {
      logger.error("internal", { requestId: id, ...errorFields(cause) });
      response = problemResponse({ code: "internal" }, id);
    }
    const length = declaredLength(request);
    if (length !== undefined) response.headers.set("content-length", String(length));
    // Elysia writes 0 to HEAD; a 304 tells the length of what it stands for or none (RFC 9110
    // §8.6).
    else if (response.status === 304) response.headers.delete("content-length");
    response.headers.set("x-request-id", id);
    response.headers.set("x-content-type-options", "nosniff");
    // What no route declared fit for caches may hold a token or an account.
    if (!response.headers.has("cache-control")) response.headers.set("cache-control", "no-store");
    responseCache?.put(request, plainPath(request.url, ""), response);
    tell(logger, request, response, startedMs);
    return response;
  };
}

/**
 * Listens on the configured host and port. Throws when the port is taken: without `reusePort`, a
 * second server on one port is an error and not a silent share. Workers share it, and `serve` looks
 * before it starts them.
 */
export function listen(handle: Handler, serving: Serving, { idleSeconds, pace }: Patience = PATIENCE): RunningServer {
  const { config, logger, responseCache } = serving;
  const prefix = prefixOf(config.publicUrl);
  const answer = answering(handle, serving);
  const proxies = parseProxies(config.trustedProxies) ?? new BlockList();
  const addressOf = (request: Request, connections: Bun.Server<undefined>) => {
    const connection = connections.requestIP(request)?.address;
    return connection === undefined ? null : clientBehind(proxies, connection, request.headers.get("x-forwarded-for"));
  };
  const server = Bun.serve({
    hostname: config.host,
    port: config.port,
    reusePort: config.workers > 1,
    idleTimeout: idleSeconds,
    maxRequestBodySize: BODY_MAX_BYTES,
    fetch: (request, connections) => {
      // Without a Host header, Bun gives a path for an address.
      const ready = request.url.startsWith("http") && responseCache?.match(request, plainPath(request.url, prefix));
      if (ready) {
        if (logger.logsRequests) tell(logger, request, ready, performance.now());
        return ready;
      }
      keepClientAddress(request, () => addressOf(request, connections));
      const waitsFor = (ms: number) => connections.timeout(request, Math.max(idleSeconds, Math.ceil(ms / 1000) + 1));
      keepArrival(request, { pace, waitsFor });
      return refusal(request) ?? answer(request);
    },
    error: (cause) => {
      logger.error("internal", errorFields(cause));
      return problemResponse({ code: "internal" }, crypto.randomUUID());
    },
  });
  const port = server.port ?? config.port;
  return {
    port,
    url: config.port === 0 ? `http://localhost:${port}` : config.publicUrl,
    stop: () => drain(server),
  };
}

/** Throws like `listen` when somebody has the port: workers, which share it, would not notice. */
export function requireFreePort({ host, port }: Pick<Config, "host" | "port">): void {
  const probe = Bun.serve({ hostname: host, port, reusePort: false, fetch: () => new Response() });
  void probe.stop(true);
}

/**
 * Stops listening and waits for requests in flight. It asks Bun for their number instead of
 * awaiting `stop(false)`: measured, that never resolves while a client keeps half of a refused
 * upload in its socket.
 */
async function drain(server: Bun.Server<undefined>): Promise<void> {
  void server.stop(false);
  const deadlineMs = performance.now() + DRAIN_MS;
  while (server.pendingRequests > 0 && performance.now() < deadlineMs) await Bun.sleep(DRAIN_POLL_MS);
  await server.stop(true);
}
