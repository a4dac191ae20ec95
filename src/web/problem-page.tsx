/** @jsxImportSource preact */
import type { RegistryError } from "../errors.ts";
import { linkBase } from "../http/links.ts";
import { problemOf } from "../http/problem.ts";
import { contextOf } from "../http/request-context.ts";
import { pageResponse } from "./page-response.ts";
import { rootFrom, type WebDeps } from "./visit.ts";

/** What programs ask for. Their errors are problems in JSON, whatever they say that they accept. */
const FOR_PROGRAMS = /^\/(?:api|log|health|metrics|swagger|assets)(?:\/|$)/;
/** Addresses below those of programs that are pages all the same. */
const PAGES = /^\/log\/?$/;

function isForPeople({ headers }: Request, path: string): boolean {
  if (FOR_PROGRAMS.test(path) && !PAGES.test(path)) return false;
  return headers.get("accept")?.includes("text/html") ?? false;
}

/**
 * Makes the function that shows a failure as a page, to browsers that asked for one. It returns
 * undefined for everything else.
 */
export function problemPages(deps: WebDeps) {
  return (request: Request, error: RegistryError): Response | undefined => {
    const { pathname, searchParams } = new URL(request.url);
    if (!isForPeople(request, pathname)) return undefined;
    const { status, title, detail, headers = {} } = problemOf(error);
    const visit = {
      request,
      path: pathname,
      root: rootFrom(pathname),
      base: linkBase(deps.config, request),
      params: {},
      query: searchParams,
      // Nobody is asked who they are: the database may be what failed.
      visitor: undefined,
      formToken: undefined,
      sent: new URLSearchParams(),
      problem: undefined,
    };
    const body = (
      <div class="problem">
        <p class="status">{status}</p>
        <h1>{title}</h1>
        <p class="lead">{detail}</p>
        <p>
          <a href={visit.root}>First page</a> · <a href={`${visit.root}search`}>All packages</a>
        </p>
        {status >= 500 && <p class="hint">Request {contextOf(request).id}</p>}
      </div>
    );
    const response = pageResponse(deps, visit, { title, status, body });
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    return response;
  };
}
