/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { ReadOnlyCause } from "../log/read-only.ts";
import { VERSION } from "../runtime/version.ts";
import { ASSETS, type AssetName } from "./assets.ts";
import { FORM_TOKEN_FIELD } from "./form-guard.ts";
import { Notice } from "./notices.tsx";
import { signInFrom } from "./sign-in-address.ts";
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
  /** True if the page has a search box of its own, so that the layout leaves out its own. */
  readonly hasSearch?: boolean;
  /** False if search engines are not to list the page, such as results of a search. */
  readonly isForSearchEngines?: boolean;
  /** The address below the root that stands for all addresses of the page, if it has several. */
  readonly address?: string;
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
  /** Why nothing can be changed now. */
  readonly readOnly: ReadOnlyCause | undefined;
}

interface OfSite extends OfVisit {
  readonly site: Site;
}

/** Returns what the settings say about the site. */
export function siteOf({ config, readOnly }: Pick<WebDeps, "config" | "readOnly">): Site {
  const { siteTitle: title, siteDescription: description, readAccess } = config;
  return { title, description, isPrivate: readAccess !== "public", readOnly: readOnly.cause };
}

/** How many packages the visitor is invited to own, and has not answered yet. */
interface Invited {
  readonly invitations: number;
}

function AccountLinks({ visit, invitations }: OfVisit & Invited) {
  const { visitor, root, formTokens, isUnknownVisitor } = visit;
  if (isUnknownVisitor) return <a href={`${root}account`}>Account</a>;
  if (visitor === undefined) return <a href={`${root}${signInFrom(visit)}`}>Sign in</a>;
  return (
    <>
      {visitor.user.role === "admin" && <a href={`${root}admin`}>Admin</a>}
      <a href={`${root}account`}>
        {visitor.user.username}
        {invitations > 0 && (
          <span class="badge warn">
            {invitations}
            <span class="hidden"> {invitations === 1 ? "invitation" : "invitations"} to own a package</span>
          </span>
        )}
      </a>
      <form class="inline" method="post" action={`${root}logout`}>
        <input type="hidden" name={FORM_TOKEN_FIELD} value={formTokens[0]} />
        <button type="submit" class="link">
          Sign out
        </button>
      </form>
    </>
  );
}

/** A private registry shows a guest nothing but the sign-in, so it has no search box either. */
function Header({ visit, site, hasSearch, invitations }: OfSite & Invited & { readonly hasSearch: boolean }) {
  const { root, visitor } = visit;
  const isOpen = !site.isPrivate || visitor !== undefined;
  return (
    <header class="site-header">
      <div class="wide bar">
        <a class="brand" href={root}>
          <img src={`${root}assets/${ASSETS.icon.fileName}`} alt="" width="24" height="24" />
          {site.title}
        </a>
        {isOpen && !hasSearch && (
          <search>
            <form class="search" action={`${root}search`}>
              <label class="hidden" for="search">
                Search packages
              </label>
              <input id="search" name="q" type="search" placeholder="Search packages" maxlength={400} />
              <button type="submit">Search</button>
            </form>
          </search>
        )}
        <nav aria-label="Site">
          {isOpen && <a href={`${root}log`}>Log</a>}
          {isOpen && <a href={`${root}help`}>Help</a>}
          <AccountLinks visit={visit} invitations={invitations} />
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

/** Says on every page why nothing can be published, until the operator has ended it. */
function ReadOnlyBanner({ site: { readOnly } }: Pick<OfSite, "site">) {
  if (readOnly === undefined) return null;
  const { reason, since } = readOnly;
  return (
    <aside class="wide notice" aria-label="State of the registry">
      <p class="banner warn">
        <strong>Read-only</strong>
        {since !== undefined && (
          <>
            {" "}
            since <time datetime={since}>{since.slice(0, 16).replace("T", " ")} UTC</time>
          </>
        )}
        : {reason}. Reading and downloading work; nothing can be published or changed until the operator has ended this.
      </p>
    </aside>
  );
}

/** What search engines and previews read of a page. */
function PublicFacts({ page, visit: { base, path }, site }: OfSite & { readonly page: Page }) {
  const { title, description, status = 200, isAlias = false, isForSearchEngines = true, address } = page;
  if (status !== 200 || site.isPrivate || !isForSearchEngines) return <meta name="robots" content="noindex" />;
  const canonical = `${base}${address === undefined ? path : `/${address}`}`;
  return (
    <>
      {(address !== undefined || !isAlias) && <link rel="canonical" href={canonical} />}
      <meta property="og:type" content="website" />
      <meta property="og:site_name" content={site.title} />
      <meta property="og:title" content={title} />
      {description && <meta property="og:description" content={description} />}
      <meta property="og:url" content={canonical} />
    </>
  );
}

/** A whole HTML document: the layout around a page. */
export function Layout({ page, visit, site, invitations }: OfSite & Invited & { readonly page: Page }) {
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
        <PublicFacts page={page} visit={visit} site={site} />
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
        <Header visit={visit} site={site} hasSearch={page.hasSearch === true} invitations={invitations} />
        <ReadOnlyBanner site={site} />
        <main id="main" class="wide" tabindex={-1}>
          <Notice visit={visit} />
          {page.body}
        </main>
        <Footer visit={visit} />
      </body>
    </html>
  );
}
