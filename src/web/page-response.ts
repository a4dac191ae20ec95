import { h } from "preact";
import { renderToString } from "preact-render-to-string";
import { cachedResponse, textResponse } from "../http/conditional-response.ts";
import { countInvitations } from "../owners/count-invitations.ts";
import { Layout, type Page, siteOf } from "./layout.tsx";
import type { Visit, WebDeps } from "./visit.ts";

const HTML = "text/html; charset=utf-8";

/**
 * What a page may load and do: only files of this server, no inline script or style, no frame
 * around it. With Trusted Types no script can make HTML of text either.
 */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HEADERS = {
  "content-security-policy": POLICY,
  // An address may have the name of a private package.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  vary: "Cookie",
} as const;

function withPageHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
  return response;
}

async function documentOf(deps: WebDeps, visit: Visit, page: Page): Promise<string> {
  const { visitor } = visit;
  const invitations = visitor === undefined ? 0 : await countInvitations(deps, visitor);
  return `<!doctype html>${renderToString(h(Layout, { page, visit, site: siteOf(deps), invitations }))}`;
}

/**
 * Responds with a page for this visitor alone. A page that shows a secret, or a form that was
 * refused, has another status or comes by POST, and is stored nowhere. Nor is one with `isSecret`:
 * after the sign-out, a browser must not show it again.
 */
export async function pageResponse(deps: WebDeps, visit: Visit, page: Page, isSecret = false): Promise<Response> {
  const { status = 200 } = page;
  const text = await documentOf(deps, visit, page);
  if (isSecret || status !== 200 || visit.request.method === "POST") {
    const headers = { "content-type": HTML, "cache-control": "no-store" };
    return withPageHeaders(new Response(text, { status, headers }));
  }
  const response = withPageHeaders(textResponse(visit.request, text, HTML));
  const isPersonal = visit.visitor !== undefined || deps.config.readAccess !== "public";
  if (isPersonal) response.headers.set("cache-control", "private, no-cache");
  return response;
}

/**
 * Responds to a guest of a public registry with a page that everybody may see, from the response
 * cache where it is there. An address with a query is not cached: anybody could invent many.
 */
export async function sharedPageResponse(
  deps: WebDeps,
  visit: Visit,
  load: () => Page | Promise<Page>,
): Promise<Response> {
  const { responseCache, config } = deps;
  const isPlain = visit.query.size === 0;
  const path = isPlain ? responseCache?.variants.pathFor(config, visit.request, visit.path) : undefined;
  const response = await cachedResponse(responseCache, visit.request, { path, contentType: HTML }, async () => {
    const page = await load();
    return { body: await documentOf(deps, visit, page), isAlias: page.isAlias === true };
  });
  return withPageHeaders(response);
}

/** Responds with the address of another page, relative to the root of the registry. */
export function redirectResponse(
  { root }: Pick<Visit, "root">,
  address: string,
  headers: Record<string, string> = {},
): Response {
  const target = { location: `${root}${address}`, "cache-control": "no-store" };
  return new Response(null, { status: 303, headers: { ...target, ...headers } });
}
