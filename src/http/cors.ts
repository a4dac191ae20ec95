import { cors } from "@elysiajs/cors";
import { type AnyElysia, Elysia } from "elysia";

/** Response headers that a page on another origin may read. */
const EXPOSED_HEADERS = [
  "Accept-Ranges",
  "Content-Disposition",
  "Content-Range",
  "ETag",
  "Link",
  "Location",
  "RateLimit",
  "RateLimit-Policy",
  "Repr-Digest",
  "Retry-After",
  "X-Checksum-Sha256",
  "X-Request-Id",
];

const ALLOWED_HEADERS = [
  "Authorization",
  "Content-Type",
  "If-None-Match",
  "If-Range",
  "Range",
  "X-API-Key",
  "X-Request-Id",
  "X-Signature",
];

/** What a page may send with `*`: nothing that proves who asks. */
const ANONYMOUS_HEADERS = ALLOWED_HEADERS.filter(
  (name) => !/^(Authorization|Content-Type|X-API-Key|X-Signature)$/.test(name),
);

const MAX_AGE_SECONDS = 600;

/**
 * Lets every page read, without credentials, for `*` in `CORS_ORIGINS`. The headers do not depend
 * on the origin, so caches may share the responses. Exact origins are left to `exactOrigins`.
 */
function openReads(exact: ReadonlySet<string>) {
  return new Elysia({ name: "open-reads" }).onRequest(({ request, set }) => {
    const isPreflight = request.method === "OPTIONS";
    const method = isPreflight ? request.headers.get("access-control-request-method") : request.method;
    if (method !== "GET" && method !== "HEAD") return undefined;
    if (exact.has(request.headers.get("origin") ?? "")) return undefined;
    set.headers["access-control-allow-origin"] = "*";
    set.headers["access-control-expose-headers"] = EXPOSED_HEADERS.join(", ");
    if (!isPreflight) return undefined;
    set.headers["access-control-allow-methods"] = "GET, HEAD";
    set.headers["access-control-allow-headers"] = ANONYMOUS_HEADERS.join(", ");
    set.headers["access-control-max-age"] = String(MAX_AGE_SECONDS);
    return new Response(null, { status: 204 });
  });
}

/**
 * Allows CORS for exactly these origins. They are compared here because the plugin's comparison is
 * too lenient. It takes `x://https://a.example` for `https://a.example`, and names of object
 * members, such as `constructor`, for origins.
 */
function exactOrigins(exact: ReadonlySet<string>) {
  return cors({
    origin: (request) => exact.has(request.headers.get("origin") ?? ""),
    methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowedHeaders: ALLOWED_HEADERS,
    exposeHeaders: EXPOSED_HEADERS,
    credentials: false,
    maxAge: MAX_AGE_SECONDS,
  });
}

/**
 * Allows CORS for the configured origins, without credentials: this server uses no cookies. Without
 * origins there is no CORS.
 */
export function crossOrigin(origins: readonly string[]): AnyElysia {
  const exact = new Set(origins.filter((origin) => origin !== "*"));
  const app = new Elysia();
  if (origins.includes("*")) app.use(openReads(exact));
  if (exact.size > 0) app.use(exactOrigins(exact));
  return app;
}
