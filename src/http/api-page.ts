import { Elysia } from "elysia";
import styles from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import page from "./api-page.html" with { type: "text" };

/* The page at /swagger. Its assets are embedded: the plugin's own page loads them from the internet. */

const START = `SwaggerUIBundle({ url: "swagger/json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null });\n`;

/** Only this server's scripts run on the page. Swagger UI sets inline styles and draws its icons from data URLs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CACHED = { "cache-control": "public, max-age=3600" };
const HIDDEN = { detail: { hide: true } };

function asset(path: string, contentType: string) {
  return () => new Response(Bun.file(path), { headers: { ...CACHED, "content-type": contentType } });
}

/** `/swagger` and its scripts and styles. Addresses in the page are relative, so a path prefix changes nothing. */
export function apiPage() {
  const html = { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY, ...CACHED };
  return new Elysia({ name: "api-page" })
    .get("/swagger", () => new Response(page, { headers: html }), HIDDEN)
    .get("/swagger/swagger-ui.css", asset(styles, "text/css; charset=utf-8"), HIDDEN)
    .get("/swagger/swagger-ui-bundle.js", asset(bundle, "text/javascript; charset=utf-8"), HIDDEN)
    .get(
      "/swagger/start.js",
      () => new Response(START, { headers: { ...CACHED, "content-type": "text/javascript; charset=utf-8" } }),
      HIDDEN,
    );
}
