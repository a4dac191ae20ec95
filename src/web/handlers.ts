import type { SessionActor } from "../accounts/actor.ts";
import { type JwtVerifier, sessionOf } from "../accounts/authentication.ts";
import { databaseOf } from "../accounts/revalidate.ts";
import type { Database } from "../db/database.ts";
import { Failure, failure, type RegistryError } from "../errors.ts";
import { formBody } from "../http/body.ts";
import { linkBase } from "../http/links.ts";
import { formTokensOf, requireFormToken, requireOwnPage } from "./form-guard.ts";
import type { Page } from "./layout.tsx";
import { withNotice } from "./notices.tsx";
import { problemForPeople } from "./page-problem.ts";
import { pageResponse, redirectResponse, sharedPageResponse } from "./page-response.ts";
import { refusedPage } from "./refused-form.tsx";
import { sessionTokenOf } from "./session-cookie.ts";
import { addressOf, signInTo } from "./sign-in-address.ts";
import { rootFrom, type Visit, type WebDeps } from "./visit.ts";

/** The part of Elysia's context that a page needs. */
export interface WebContext {
  readonly request: Request;
  readonly params: Readonly<Record<string, string>>;
  readonly jwt: JwtVerifier;
}

/**
 * Who may see a page. `reader`: whoever may read packages. `session`: whoever signed in. `admin`:
 * administrators. `everybody`: guests of a private registry too, so it must show nothing of it.
 */
export type Audience = "reader" | "session" | "admin" | "everybody";

/** A redirect to another page: its address below the root of the registry, without a slash. */
export interface Redirect {
  readonly redirect: string;
  readonly headers?: Record<string, string>;
}

/** One page of the site. */
export interface PageSpec {
  readonly audience: Audience;
  /**
   * True if all readers see the same: then guests of a public registry get it from the response
   * cache. Its address must be below `/packages/<name>`, and a change of anything that it shows must
   * invalidate that package.
   */
  readonly isShared?: boolean;
  /** True if the address is a secret: browsers and proxies must store nothing of the page. */
  readonly isSecret?: boolean;
  readonly load: (deps: WebDeps, visit: Visit) => Page | Promise<Page>;
  /**
   * Makes the page of a failure of `load` that can offer more than its sentence, such as what is
   * there instead. Undefined for all others.
   */
  readonly offer?: (deps: WebDeps, visit: Visit, error: RegistryError) => Promise<Page | undefined>;
}

/** A page whose visitor is known, and what a change by them needs. */
export interface ActingVisit extends Visit {
  readonly visitor: SessionActor;
}

/** What a form does. */
export interface ActionSpec {
  readonly audience: "session" | "admin";
  /** The page that has the form, which is shown again when the form is refused. */
  readonly page: PageSpec;
  /**
   * Does what the form asks for. Returns where to go, or a page to show at once, such as one with a
   * new token. `db` checks the session again in each of its transactions.
   */
  readonly act: (
    deps: WebDeps,
    visit: ActingVisit,
    form: URLSearchParams,
    db: Database,
  ) => Redirect | Page | Promise<Redirect | Page>;
}

/** A form of a guest, such as the sign-in. */
export interface GuestActionSpec {
  readonly page: PageSpec;
  readonly act: (deps: WebDeps, visit: Visit, form: URLSearchParams) => Redirect | Page | Promise<Redirect | Page>;
}

/** Returns the visitor of a browser with a session. A session that ended makes a guest. */
async function visitorOf(deps: WebDeps, { request, jwt }: WebContext, base: string): Promise<SessionActor | undefined> {
  const token = sessionTokenOf(request, { base });
  if (token === undefined) return undefined;
  try {
    return await sessionOf(deps, { request, jwt }, token);
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "account_disabled") return undefined;
    throw cause;
  }
}

/** Reads what a page needs to know of a request. */
async function visitOf(deps: WebDeps, context: WebContext): Promise<Visit> {
  const { request, params } = context;
  const { pathname, searchParams } = new URL(request.url);
  const base = linkBase(deps.config, request);
  const visitor = await visitorOf(deps, context, base);
  return {
    request,
    path: pathname,
    root: rootFrom(pathname),
    base,
    params,
    query: searchParams,
    visitor,
    formTokens: visitor === undefined ? [] : formTokensOf(deps, visitor.sessionId),
    sent: new URLSearchParams(),
    problem: undefined,
  };
}

/** Returns the page of this registry on which a form was, as far as the browser says it. */
function pageOfForm({ request, base }: Visit): string {
  const from = URL.parse(request.headers.get("referer") ?? "");
  const own = new URL(base);
  if (from === null || (from.host !== own.host && from.host !== new URL(request.url).host)) return "";
  const prefix = own.pathname.replace(/\/$/, "");
  return addressOf(from.pathname.startsWith(`${prefix}/`) ? from.pathname.slice(prefix.length) : "", from.searchParams);
}

/**
 * Returns the address of the sign-in, which leads back to the page that was asked for. Whoever sent
 * a form had a session before, so the sign-in says that it ended.
 */
function signInFor(visit: Visit): string {
  const isForm = visit.request.method === "POST";
  const next = isForm ? pageOfForm(visit) : addressOf(visit.path, visit.query);
  const signIn = signInTo(next);
  return isForm ? withNotice(visit, signIn, "session-ended") : signIn;
}

/** Reports whether the visitor is to sign in first. Throws `admin_only`. */
function needsSignIn({ config }: WebDeps, { visitor }: Visit, audience: Audience): boolean {
  if (visitor === undefined)
    return audience !== "everybody" && (audience !== "reader" || config.readAccess !== "public");
  if (audience === "admin" && visitor.user.role !== "admin") throw failure({ code: "admin_only" });
  return false;
}

/** Redirects from an address with a slash at its end: each page has one address. */
function withoutSlash({ request }: WebContext): Response | undefined {
  const { pathname, search } = new URL(request.url);
  if (pathname === "/" || !pathname.endsWith("/")) return undefined;
  const location = `${rootFrom(pathname)}${pathname.slice(1, -1)}${search}`;
  return new Response(null, { status: 308, headers: { location } });
}

/** Makes the handler of a page. */
export function pageHandler(deps: WebDeps, { audience, isShared = false, isSecret = false, load, offer }: PageSpec) {
  return async (context: WebContext): Promise<Response> => {
    const elsewhere = withoutSlash(context);
    if (elsewhere !== undefined) return elsewhere;
    const visit = await visitOf(deps, context);
    if (needsSignIn(deps, visit, audience)) return redirectResponse(visit, signInFor(visit));
    const isPersonal = audience === "session" || audience === "admin";
    try {
      if (isShared && visit.visitor === undefined)
        return await sharedPageResponse(deps, visit, () => load(deps, visit));
      return await pageResponse(deps, visit, await load(deps, visit), isSecret || isPersonal);
    } catch (cause) {
      const page = cause instanceof Failure ? await offer?.(deps, visit, cause.error) : undefined;
      if (page === undefined) throw cause;
      return pageResponse(deps, visit, page);
    }
  };
}

/**
 * Makes the handler of a file that pages link to. Its address is below theirs, and not the API's, so
 * that the session of a browser may read it in a private registry too.
 */
export function resourceHandler(deps: WebDeps, load: (deps: WebDeps, visit: Visit) => Response | Promise<Response>) {
  return async (context: WebContext): Promise<Response> => {
    const visit = await visitOf(deps, context);
    if (needsSignIn(deps, visit, "reader")) return redirectResponse(visit, signInFor(visit));
    return load(deps, visit);
  };
}

/** Shows the page of a refused form again, with the reason. What is not expected is thrown on. */
async function refusedForm(
  deps: WebDeps,
  visit: Visit,
  { page, form, cause }: { readonly page: PageSpec; readonly form: URLSearchParams; readonly cause: unknown },
): Promise<Response> {
  if (!(cause instanceof Failure)) throw cause;
  const { error } = cause;
  const response = await pageResponse(
    deps,
    visit,
    await refusedPage(deps, visit, { load: page.load, sent: form, error }),
  );
  const retryAfter = problemForPeople(error).headers?.["retry-after"];
  if (retryAfter !== undefined) response.headers.set("retry-after", retryAfter);
  return response;
}

async function resultResponse(deps: WebDeps, visit: Visit, result: Redirect | Page): Promise<Response> {
  return "redirect" in result
    ? redirectResponse(visit, result.redirect, result.headers)
    : pageResponse(deps, visit, result);
}

/** Makes the handler of a form of a visitor. */
export function actionHandler(deps: WebDeps, { audience, page, act }: ActionSpec) {
  return async (context: WebContext): Promise<Response> => {
    const visit = await visitOf(deps, context);
    requireOwnPage(visit);
    const { visitor } = visit;
    if (needsSignIn(deps, visit, audience) || visitor === undefined) return redirectResponse(visit, signInFor(visit));
    const form = await formBody(context);
    requireFormToken(visit, form);
    try {
      const db = databaseOf(deps, visitor, audience);
      return await resultResponse(deps, visit, await act(deps, { ...visit, visitor }, form, db));
    } catch (cause) {
      return refusedForm(deps, visit, { page, form, cause });
    }
  };
}

/** Makes the handler of a form of a guest. */
export function guestActionHandler(deps: WebDeps, { page, act }: GuestActionSpec) {
  return async (context: WebContext): Promise<Response> => {
    const visit = await visitOf(deps, context);
    requireOwnPage(visit);
    const form = await formBody(context);
    try {
      return await resultResponse(deps, visit, await act(deps, visit, form));
    } catch (cause) {
      return refusedForm(deps, visit, { page, form, cause });
    }
  };
}

/**
 * Makes the handler of the address of a form that is no page itself, for whoever opens it again
 * after the form was refused there. It leads to the page with the form, which is one level up.
 */
export function pageOfFormHandler() {
  return ({ request }: Pick<WebContext, "request">): Response => {
    const { pathname } = new URL(request.url);
    return redirectResponse({ root: rootFrom(pathname) }, pathname.slice(1, pathname.lastIndexOf("/")));
  };
}
