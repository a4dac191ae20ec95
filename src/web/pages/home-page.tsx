/** @jsxImportSource preact */
import { readLogSize } from "../../log/read-overview.ts";
import { type PackageList as Found, listPackages } from "../../packages/read.ts";
import type { PackageSearch } from "../../search/package-search.ts";
import type { PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { PackageList } from "./package-list.tsx";
import { SearchForm } from "./search-form.tsx";
import { Command, countText } from "./texts.tsx";

const SHOWN = 6;

function first(sort: PackageSearch["sort"]): PackageSearch {
  return { search: undefined, tags: [], author: undefined, readable: undefined, sort, page: 1, pageSize: SHOWN };
}

/** What to do in a registry that has nothing yet. */
function EmptyRegistry({ visit: { base, root }, canRegister }: OfVisit & { readonly canRegister: boolean }) {
  return (
    <section class="steps">
      <h2>Publish the first package</h2>
      <p>There is no package here yet. With the program cpm-registry, it takes four commands:</p>
      <ol>
        <li>
          {canRegister ? "Make an account." : "Sign in with the account that the operator made for you."}
          <Command
            text={`cpm-registry ${canRegister ? "register" : "login"} ${base}`}
            label={canRegister ? "the command that makes an account" : "the command that signs in"}
          />
        </li>
        <li>
          Begin with a package that works.
          <Command text="cpm-registry init hello" label="the command that makes a package" />
        </li>
        <li>
          Publish it. The first time, this makes your signing key.
          <Command text="cpm-registry publish hello" label="the command that publishes" />
        </li>
        <li>
          Download it again, verified.
          <Command text="cpm-registry download hello" label="the command that downloads" />
        </li>
      </ol>
      <p>
        <a href={`${root}help`}>Getting started</a> says more of each.
      </p>
    </section>
  );
}

function Packages({ visit, popular, recent }: OfVisit & { readonly popular: Found; readonly recent: Found }) {
  const { root } = visit;
  return (
    <div class="halves">
      <section>
        <h2>Most downloaded</h2>
        <PackageList visit={visit} items={popular.items} />
        <p>
          <a href={`${root}search`}>All packages</a>
        </p>
      </section>
      <section>
        <h2>Recently updated</h2>
        <PackageList visit={visit} items={recent.items} />
        <p>
          <a href={`${root}search?sort=updated`}>All updates</a>
        </p>
      </section>
    </div>
  );
}

function PointClient({ visit: { base, root } }: OfVisit) {
  return (
    <section>
      <h2>Point your client here</h2>
      <Command text={`cpm-registry config set registry ${base}`} label="the command that names this registry" />
      <p class="hint">
        Then <code>cpm-registry search</code> and <code>download</code> ask this registry, and every download is
        verified. To publish, see <a href={`${root}help`}>getting started</a>.
      </p>
    </section>
  );
}

/** The first page: what this registry is, what is in it, how to begin. */
export const homePage: PageSpec = {
  audience: "reader",
  load: async (deps, visit) => {
    const [popular, recent, logSize] = await Promise.all([
      listPackages(deps, first("downloads")),
      listPackages(deps, first("updated")),
      readLogSize(deps),
    ]);
    const { title, description } = siteOf(deps);
    const { root } = visit;
    const entries = `${logSize.toLocaleString("en")} ${logSize === 1 ? "entry" : "entries"}`;
    return {
      title,
      description,
      hasSearch: true,
      isForSearchEngines: true,
      body: (
        <>
          <div class="hero">
            <h1>{title}</h1>
            <p class="lead">{description}</p>
            <SearchForm visit={visit} />
            <p class="hint">
              <a href={`${root}search`}>{countText(popular.total, "package")}</a> · <a href={`${root}log`}>{entries}</a>{" "}
              in the transparency log
            </p>
          </div>
          {popular.total === 0 ? (
            <EmptyRegistry visit={visit} canRegister={deps.config.registration === "open"} />
          ) : (
            <>
              <Packages visit={visit} popular={popular} recent={recent} />
              <PointClient visit={visit} />
            </>
          )}
        </>
      ),
    };
  },
};
