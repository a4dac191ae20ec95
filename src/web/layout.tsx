/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { VERSION } from "../runtime/version.ts";
import { ASSETS, type AssetName } from "./assets.ts";
import type { Visit, WebDeps } from "./visit.ts";

/** What a page shows, before the layout is put around it. */
export interface Page {
  readonly title: string;
  /** For search engines and previews. */
  readonly description?: string;
  /** 200 if it is left out. */
  readonly status?: number;
  readonly body: ComponentChildren;
  /** Scripts in addition to that of every page. */
  readonly scripts?: readonly AssetName[];
  /** True if the address is one of many of the same page, so that it is not cached. */
  readonly isAlias?: boolean;
}

/** The properties of every component that links to other pages. */
export interface OfVisit {
  readonly visit: Visit;
}

/** Only these know the settings; pages themselves know their visit. */
export interface Site {
  readonly title: string;
  readonly description: string;
  readonly isPrivate: boolean;
}

/** Returns what the settings say about the site. */
export function siteOf({ config }: Pick<WebDeps, "config">): Site {
  return { title: config.siteTitle, description: config.siteDescription, isPrivate: config.readAccess !== "public" };
}

function AccountLinks({ visit: { visitor, root } }: OfVisit) {
  if (visitor === undefined) return <a href={`${root}login`}>Sign in</a>;
  return (
    <>
      {visitor.user.role === "admin" && <a href={`${root}admin`}>Admin</a>}
      <a href={`${root}account`}>{visitor.user.username}</a>
    </>
  );
}

/** A private registry shows a guest nothing but the sign-in, so it has no search box either. */
function Header({ visit, site }: OfVisit & { readonly site: Site }) {
  const { root, query, visitor } = visit;
  const isOpen = !site.isPrivate || visitor !== undefined;
  return (
    <header class="site-header">
      <div class="wide bar">
        <a class="brand" href={root}>
          <img src={`${root}assets/${ASSETS.icon.fileName}`} alt="" width="24" height="24" />
          {site.title}
        </a>
        {isOpen && (
          <search>
            <form class="search" action={`${root}search`}>
              <label class="hidden" for="search">
                Search packages
              </label>
              <input
                id="search"
                name="q"
                type="search"
                placeholder="Search packages"
                value={visit.path === "/search" ? (query.get("q") ?? "") : ""}
                maxlength={400}
              />
              <button type="submit">Search</button>
            </form>
          </search>
        )}
        <nav aria-label="Site">
          {isOpen && <a href={`${root}log`}>Log</a>}
          {isOpen && <a href={`${root}help`}>Help</a>}
          <AccountLinks visit={visit} />
        </nav>
      </div>
    </header>
  );
}

function Footer({ visit: { root } }: OfVisit) {
  return (
    <footer class="site-footer">
      <div class="wide bar">
        <span>cpm-registry {VERSION}</span>
        <nav aria-label="About this registry">
          <a href={`${root}swagger`}>API</a>
          <a href={`${root}log`}>Transparency log</a>
          <a href={`${root}health`}>Health</a>
        </nav>
      </div>
    </footer>
  );
}

/** A whole HTML document: the layout around a page. */
export function Layout({ page, visit, site }: OfVisit & { readonly page: Page; readonly site: Site }) {
  const { root } = visit;
  const isHome = visit.path === "/";
  const scripts = ["script", ...(page.scripts ?? [])] as const;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{isHome ? site.title : `${page.title} – ${site.title}`}</title>
        {page.description && <meta name="description" content={page.description} />}
        <link rel="icon" href={`${root}assets/${ASSETS.icon.fileName}`} type="image/svg+xml" />
        <link rel="stylesheet" href={`${root}assets/${ASSETS.styles.fileName}`} />
        {scripts.map((name) => (
          <script key={name} type="module" src={`${root}assets/${ASSETS[name].fileName}`} />
        ))}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to content
        </a>
        <Header visit={visit} site={site} />
        <main id="main" class="wide" tabindex={-1}>
          {page.body}
        </main>
        <Footer visit={visit} />
      </body>
    </html>
  );
}
