import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";

/** Headers of answers that a page on another origin may read. */
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
];

/**
 * Exact origins from the configuration, and no credentials: a browser never sends its cookies here.
 * None, no CORS. The comparison is ours: the plugin's own takes `x://https://a.example` for
 * `https://a.example`, and the names of every object's members, such as `constructor`, for origins.
 */
export function crossOrigin(origins: readonly string[]) {
  if (origins.length === 0) return new Elysia();
  const allowed = new Set(origins);
  return cors({
    origin: (request) => allowed.has(request.headers.get("origin") ?? ""),
    methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
    allowedHeaders: ALLOWED_HEADERS,
    exposeHeaders: EXPOSED_HEADERS,
    credentials: false,
    maxAge: 600,
  });
}
