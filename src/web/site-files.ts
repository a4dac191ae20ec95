import type { Config } from "../config/config.ts";
import { ASSETS } from "./assets.ts";

/* What browsers and search engines ask every site for by a fixed name. */

const DAY = "public, max-age=86400";

/** Below these, there is nothing to read for people, or one page under endlessly many addresses. */
const NOT_FOR_SEARCH_ENGINES = [
  "api/",
  "log/tile/",
  "search?",
  "log?",
  "login",
  "packages/*/compare/",
  "packages/*/raw/",
];

/** Returns the icon for those that do not read the link to it. All browsers of today show an SVG. */
export function faviconResponse(): Response {
  const { text, contentType } = ASSETS.icon;
  return new Response(text, { headers: { "content-type": contentType, "cache-control": DAY } });
}

/** Returns what search engines may read: nothing of a private registry. */
export function robotsResponse({ readAccess, publicUrl }: Pick<Config, "readAccess" | "publicUrl">): Response {
  const root = `${new URL(publicUrl).pathname.replace(/\/$/, "")}/`;
  const paths = readAccess === "public" ? NOT_FOR_SEARCH_ENGINES : [""];
  const lines = ["User-agent: *", ...paths.map((path) => `Disallow: ${root}${path}`)];
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": DAY };
  return new Response(`${lines.join("\n")}\n`, { headers });
}
