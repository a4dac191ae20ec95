import { Elysia } from "elysia";
import styles from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import page from "./api-page.html" with { type: "text" };

/*
 * The page at /swagger. Its assets are embedded, because the plugin's own page loads them from a
 * CDN.
 */

/**
 * The script of the page. "Try it out" calls the server that sent the page, because PUBLIC_URL may
 * be another name of it, which the policy below and CORS would refuse. Empty fields of a form are
 * left out instead of being sent as empty text. Examples of problem responses are left out, because
 * they are all the same. The groups of
 * operations are closed at first, because there are too many operations to look through; a link to
 * one opens it.
 */
const START = `const root = document.getElementById("swagger-ui");
const withoutProblemExamples = ({ components: { responses, ...others }, ...spec }) => {
  const described = Object.entries(responses).map(([name, { content, ...response }]) => [name, response]);
  return { ...spec, components: { ...others, responses: Object.fromEntries(described) } };
};
const withoutEmptyFields = (request) => {
  const { body } = request;
  if (body instanceof FormData) for (const [name, value] of [...body]) if (value === "") body.delete(name);
  return request;
};
const dark = matchMedia("(prefers-color-scheme: dark)");
const followScheme = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
followScheme();
dark.addEventListener("change", followScheme);
const server = new URL(".", location.href).href.replace(/\\/$/, "");
fetch("swagger/json")
  .then((answer) => answer.json())
  .then((spec) => {
    SwaggerUIBundle({
      spec: { ...withoutProblemExamples(spec), servers: [{ url: server }] },
      domNode: root,
      deepLinking: true,
      docExpansion: "none",
      filter: true,
      validatorUrl: null,
      defaultModelsExpandDepth: 0,
      requestInterceptor: withoutEmptyFields,
    });
  })
  .catch(() => { root.textContent = "The API description could not be loaded. Reload the page."; });
`;

/**
 * Allows only scripts of this server. Swagger UI sets inline styles and draws its icons from data
 * URLs.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const CACHED = { "cache-control": "public, max-age=3600" };
const HIDDEN = { detail: { hide: true } };

function asset(path: string, contentType: string) {
  return () => new Response(Bun.file(path), { headers: { ...CACHED, "content-type": contentType } });
}

function endsWithSlash(request: Request): boolean {
  return new URL(request.url).pathname.endsWith("/");
}

/** Redirects from `/swagger/`, where the relative links of the page would break. */
function toPage(): Response {
  return new Response(null, { status: 308, headers: { location: "../swagger" } });
}

/**
 * Serves the API page under `/swagger`, with its scripts and styles. Links in the page are relative,
 * so it works under a path prefix.
 */
export function apiPage() {
  const html = { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY, ...CACHED };
  return new Elysia({ name: "api-page" })
    .get(
      "/swagger",
      ({ request }) => (endsWithSlash(request) ? toPage() : new Response(page, { headers: html })),
      HIDDEN,
    )
    .get("/swagger/swagger-ui.css", asset(styles, "text/css; charset=utf-8"), HIDDEN)
    .get("/swagger/swagger-ui-bundle.js", asset(bundle, "text/javascript; charset=utf-8"), HIDDEN)
    .get(
      "/swagger/start.js",
      () => new Response(START, { headers: { ...CACHED, "content-type": "text/javascript; charset=utf-8" } }),
      HIDDEN,
    );
}
