import { cors } from "@elysiajs/cors";
import { Elysia } from "elysia";

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
];

/**
 * Allows CORS for exactly the configured origins, without credentials: this server uses no cookies.
 * Without origins there is no CORS. The origins are compared here because the plugin's comparison
 * is too lenient. It takes `x://https://a.example` for `https://a.example`, and names of object
 * members, such as `constructor`, for origins.
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
