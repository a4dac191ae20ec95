/** @jsxImportSource preact */
import { type PackageList as Found, listPackages } from "../../packages/read.ts";
import type { PackageSummary } from "../../packages/views.ts";
import { SORTS, type Sort } from "../../search/package-search.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit } from "../layout.tsx";
import { PackageList } from "./package-list.tsx";
import { Pager } from "./pager.tsx";
import { type AskedSearch, askedSearch, searchAddress } from "./search-address.ts";
import { SearchForm } from "./search-form.tsx";
import { countText } from "./texts.tsx";

const PAGE_SIZE = 20;
const FACETS_MAX = 12;

const SORT_LABELS: Readonly<Record<Sort, string>> = {
  relevance: "Relevance",
  downloads: "Downloads",
  updated: "Recently updated",
  name: "Name",
};

interface OfSearch extends OfVisit {
  readonly asked: AskedSearch;
}

/** What narrows the search, each as a link that takes it away. */
function Filters({ visit: { root }, asked }: OfSearch) {
  const { tags, author } = asked;
  const filters = [
    ...tags.map((tag) => ({ kind: "tag", value: tag, without: { tags: tags.filter((other) => other !== tag) } })),
    ...(author === undefined ? [] : [{ kind: "owner", value: author, without: { author: undefined } }]),
  ];
  if (filters.length === 0) return null;
  return (
    <ul class="tags" aria-label="Narrowed by">
      {filters.map(({ kind, value, without }) => (
        <li key={`${kind} ${value}`}>
          <a href={`${root}${searchAddress(asked, without)}`} aria-label={`Remove ${kind} ${value}`}>
            {kind} {value} <span aria-hidden="true">×</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** Without a text, relevance is the number of downloads, so only one of both is offered. */
function Orders({ visit: { root }, asked }: OfSearch) {
  const offered = SORTS.filter((sort) => sort !== (asked.text === "" ? "relevance" : undefined));
  const current = asked.text === "" && asked.sort === "relevance" ? "downloads" : asked.sort;
  return (
    <nav class="orders" aria-label="Order">
      {offered.map((sort) => (
        <a
          key={sort}
          href={`${root}${searchAddress(asked, { sort })}`}
          aria-current={sort === current ? "true" : undefined}
        >
          {SORT_LABELS[sort]}
        </a>
      ))}
    </nav>
  );
}

/** Returns the most frequent of some values, those of equal number in their order. */
function mostFrequent(values: readonly string[]): string[] {
  const counts = Map.groupBy(values, (value) => value);
  return [...counts]
    .toSorted(([, a], [, b]) => b.length - a.length)
    .slice(0, FACETS_MAX)
    .map(([value]) => value);
}

/**
 * Tags and owners of the packages that are shown. They are not counted over all matches, because
 * that would cost more than the search.
 */
function Facets({ visit: { root }, asked, items }: OfSearch & { readonly items: readonly PackageSummary[] }) {
  const tags = mostFrequent(items.flatMap((item) => item.tags)).filter((tag) => !asked.tags.includes(tag));
  const owners = mostFrequent(items.flatMap((item) => item.owners)).filter((name) => name !== asked.author);
  const facets = [
    {
      title: "Tags",
      links: tags.map((tag) => ({ text: tag, address: searchAddress(asked, { tags: [...asked.tags, tag] }) })),
    },
    {
      title: "Owners",
      links: owners.map((author) => ({ text: author, address: searchAddress(asked, { author }) })),
    },
  ];
  return (
    <aside aria-label="Narrow the search">
      {facets
        .filter(({ links }) => links.length > 0)
        .map(({ title, links }) => (
          <section key={title} class="facet">
            <h2>{title} of these packages</h2>
            <ul class="tags">
              {links.map(({ text, address }) => (
                <li key={text}>
                  <a href={`${root}${address}`}>{text}</a>
                </li>
              ))}
            </ul>
          </section>
        ))}
    </aside>
  );
}

/** What to try where nothing was found. */
function Nothing({ visit: { root }, asked }: OfSearch) {
  const { text, tags, author } = asked;
  const isNarrowed = tags.length > 0 || author !== undefined;
  return (
    <div class="empty">
      <h2>No package found</h2>
      <ul>
        {isNarrowed && (
          <li>
            <a href={`${root}${searchAddress(asked, { tags: [], author: undefined })}`}>Search without tag and owner</a>
          </li>
        )}
        {text !== "" && <li>Try fewer or shorter words: each must begin a word of the package.</li>}
        <li>
          See <a href={`${root}search`}>all packages</a>, or <a href={`${root}help`}>publish this one</a>.
        </li>
      </ul>
    </div>
  );
}

function countOf(found: Found, { page, text }: AskedSearch): string {
  if (found.isResembling === true) {
    const [nearest] = found.items;
    return `Nothing matches “${text}”. ${nearest === undefined ? "" : "These names are like it"}`;
  }
  const first = (page - 1) * PAGE_SIZE + 1;
  const last = first + found.items.length - 1;
  const total = countText(found.total, "package");
  return found.items.length === found.total
    ? total
    : `${first.toLocaleString("en")}–${last.toLocaleString("en")} of ${total}`;
}

function Results({ visit, asked, found }: OfSearch & { readonly found: Found }) {
  const { root } = visit;
  const { page } = asked;
  const pages = Math.ceil(found.total / PAGE_SIZE);
  if (found.items.length === 0 && found.total > 0) {
    return (
      <div class="empty">
        <h2>There is no page {page.toLocaleString("en")}</h2>
        <p>
          Go to the <a href={`${root}${searchAddress(asked)}`}>first</a> or to the{" "}
          <a href={`${root}${searchAddress(asked, { page: pages })}`}>last page</a>.
        </p>
      </div>
    );
  }
  const [nearest] = found.items;
  return (
    <div class="columns">
      <div class="content">
        {found.isResembling === true && nearest !== undefined && (
          <p class="banner" role="status">
            Did you mean <a href={`${root}packages/${nearest.name}`}>{nearest.name}</a>?
          </p>
        )}
        <div class="results-head">
          <h2>{countOf(found, asked)}</h2>
          <Orders visit={visit} asked={asked} />
        </div>
        {found.totalCapped === true && (
          <p class="hint">
            More packages match. These are the {found.total.toLocaleString("en")} most popular ones: add a word, a tag
            or an owner to see others.
          </p>
        )}
        <PackageList visit={visit} items={found.items} />
        <Pager
          visit={visit}
          label="Pages of results"
          previous={page > 1 ? searchAddress(asked, { page: page - 1 }) : undefined}
          next={page < pages ? searchAddress(asked, { page: page + 1 }) : undefined}
          position={`Page ${page.toLocaleString("en")} of ${pages.toLocaleString("en")}`}
        />
      </div>
      <Facets visit={visit} asked={asked} items={found.items} />
    </div>
  );
}

/** Search results, and the list of all packages. */
export const searchPage: PageSpec = {
  audience: "reader",
  load: async (deps, visit) => {
    const asked = askedSearch(visit.query);
    const { text, tags, author, sort, page } = asked;
    const search = text === "" ? undefined : text;
    const found = await listPackages(deps, {
      ...{ search, tags, author, sort, page },
      ...{ readable: undefined, pageSize: PAGE_SIZE },
    });
    const isAll = text === "" && tags.length === 0 && author === undefined;
    return {
      title: text === "" ? "Packages" : `“${text}”`,
      ...(isAll && { description: "All packages of this registry" }),
      hasSearch: true,
      isForSearchEngines: isAll && page === 1,
      body: (
        <>
          <h1>{isAll ? "All packages" : "Packages"}</h1>
          <SearchForm visit={visit} asked={asked} />
          <Filters visit={visit} asked={asked} />
          {found.total === 0 ? (
            <Nothing visit={visit} asked={asked} />
          ) : (
            <Results visit={visit} asked={asked} found={found} />
          )}
        </>
      ),
    };
  },
};
