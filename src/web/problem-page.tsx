/** @jsxImportSource preact */
import type { RegistryError } from "../errors.ts";
import { linkBase } from "../http/links.ts";
import { contextOf } from "../http/request-context.ts";
import { listPackages } from "../packages/read.ts";
import type { OfVisit } from "./layout.tsx";
import { problemForPeople } from "./page-problem.ts";
import { pageResponse } from "./page-response.ts";
import { SearchForm } from "./pages/search-form.tsx";
import { sessionTokenOf } from "./session-cookie.ts";
import { signInFrom } from "./sign-in-address.ts";
import { rootFrom, type Visit, type WebDeps } from "./visit.ts";

/** What programs ask for. Their errors are problems in JSON, whatever they say that they accept. */
const FOR_PROGRAMS = /^\/(?:api|log|health|metrics|swagger|assets)(?:\/|$)/;
/** Addresses below those of programs that are pages all the same. */
const PAGES = /^\/log\/?$/;
/** How many names are suggested in place of one that does not exist. */
const SUGGESTED = 5;
/** The last part of an address, if it can be the name of a package that somebody looks for. */
const LAST_PART = /\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\/?$/;

function isForPeople({ headers }: Request, path: string): boolean {
  if (FOR_PROGRAMS.test(path) && !PAGES.test(path)) return false;
  return headers.get("accept")?.includes("text/html") ?? false;
}

/**
 * Finds names that resemble one that does not exist. A private registry suggests nothing, because
 * nobody asked who the reader is. A search that fails suggests nothing either.
 */
async function suggestionsFor(deps: WebDeps, error: RegistryError): Promise<readonly string[]> {
  if (error.code !== "package_not_found" || deps.config.readAccess !== "public") return [];
  const search = { search: error.name, tags: [], author: undefined, readable: undefined };
  try {
    const order = { sort: "relevance", page: 1, pageSize: SUGGESTED } as const;
    const { items } = await listPackages(deps, { ...search, ...order });
    return items.map(({ name }) => name);
  } catch {
    return [];
  }
}

interface OfError extends OfVisit {
  readonly error: RegistryError;
}

function Suggestions({ visit: { root }, names }: OfVisit & { readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <>
      <h2>Did you mean</h2>
      <ul>
        {names.map((name) => (
          <li key={name}>
            <a href={`${root}packages/${name}`}>{name}</a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Signing in helps a guest, and somebody whose account may not do this: as somebody else. */
function signInText({ isUnknownVisitor = false }: Visit, error: RegistryError): string | undefined {
  const { status } = problemForPeople(error);
  if (error.code === "admin_only" && isUnknownVisitor) return "Sign in as somebody else";
  return status === 401 || (status === 403 && !isUnknownVisitor) ? "Sign in" : undefined;
}

/** Where to go from an error. */
function WaysOn({ visit, error }: OfError) {
  const { root, path, request, query } = visit;
  const signIn = signInText(visit, error);
  const { status } = problemForPeople(error);
  const isRepeatable = request.method === "GET" && (status === 429 || status >= 500);
  const ofPackage = "name" in error && error.code !== "package_not_found" ? error.name : undefined;
  return (
    <ul class="ways">
      {isRepeatable && (
        <li>
          <a href={`${root}${path.slice(1)}${query.size === 0 ? "" : `?${query}`}`}>Try again</a>
        </li>
      )}
      {ofPackage !== undefined && (
        <li>
          <a href={`${root}packages/${encodeURIComponent(ofPackage)}`}>The package {ofPackage}</a>
        </li>
      )}
      {signIn !== undefined && (
        <li>
          <a href={`${root}${signInFrom({ path, query })}`}>{signIn}</a>
        </li>
      )}
      <li>
        <a href={root}>First page</a>
      </li>
      <li>
        <a href={`${root}search`}>All packages</a>
      </li>
    </ul>
  );
}

function Problem({ visit, error, names }: OfError & { readonly names: readonly string[] }) {
  const { status, title, detail } = problemForPeople(error);
  const isOfUser = error.code === "user_not_found";
  const wanted = "name" in error ? error.name : isOfUser ? "" : (LAST_PART.exec(visit.path)?.[1] ?? "");
  return (
    <div class="problem">
      <p class="status" aria-hidden="true">
        {status}
      </p>
      <h1>{title}</h1>
      <p class="lead">{detail}</p>
      {status === 404 && <SearchForm visit={visit} text={wanted} />}
      <Suggestions visit={visit} names={names} />
      <WaysOn visit={visit} error={error} />
      {status >= 500 && <p class="hint">Number of the request: {contextOf(visit.request).id}</p>}
    </div>
  );
}

function visitOf(deps: WebDeps, request: Request): Visit {
  const { pathname, searchParams } = new URL(request.url);
  const base = linkBase(deps.config, request);
  return {
    request,
    path: pathname,
    root: rootFrom(pathname),
    base,
    params: {},
    query: searchParams,
    // Nobody is asked who they are: the database may be what failed.
    visitor: undefined,
    isUnknownVisitor: sessionTokenOf(request, { base }) !== undefined,
    formTokens: [],
    sent: new URLSearchParams(),
    problem: undefined,
  };
}

async function problemPage(deps: WebDeps, request: Request, error: RegistryError): Promise<Response> {
  const { status, title, headers = {} } = problemForPeople(error);
  const visit = visitOf(deps, request);
  const names = await suggestionsFor(deps, error);
  const body = <Problem visit={visit} error={error} names={names} />;
  const response = await pageResponse(deps, visit, { title, status, hasSearch: status === 404, body });
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

/**
 * Makes the function that shows a failure as a page, to browsers that asked for one. It returns
 * undefined for everything else.
 */
export function problemPages(deps: WebDeps) {
  return (request: Request, error: RegistryError): Promise<Response> | undefined =>
    isForPeople(request, new URL(request.url).pathname) ? problemPage(deps, request, error) : undefined;
}
