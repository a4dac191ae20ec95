/** @jsxImportSource preact */
import { listPackages } from "../../packages/read.ts";
import type { PackageSummary } from "../../packages/views.ts";
import type { PackageSearch } from "../../search/package-search.ts";
import type { PageSpec } from "../handlers.ts";
import { type OfVisit, siteOf } from "../layout.tsx";
import { countText, Day } from "./texts.tsx";

/** Some packages as a list of links, each with what helps to choose. */
export function PackageList({ visit: { root }, items }: OfVisit & { readonly items: readonly PackageSummary[] }) {
  return (
    <ul class="packages">
      {items.map(({ name, latest, description, latestPublishedAt, downloads, status }) => (
        <li key={name}>
          <h3>
            <a href={`${root}packages/${name}`}>{name}</a> {latest !== null && <span class="version">{latest}</span>}
            {status !== "active" && <span class="badge warn">{status}</span>}
          </h3>
          {description !== "" && <p>{description}</p>}
          <p class="hint">
            {countText(downloads, "download")}
            {latestPublishedAt !== null && (
              <>
                {" · "}
                <Day at={latestPublishedAt} />
              </>
            )}
          </p>
        </li>
      ))}
    </ul>
  );
}

const SHOWN = 8;

function first(sort: PackageSearch["sort"]): PackageSearch {
  return { search: undefined, tags: [], author: undefined, readable: undefined, sort, page: 1, pageSize: SHOWN };
}

/** The first page: what this registry is, what is in it, how to begin. */
export const homePage: PageSpec = {
  audience: "reader",
  load: async (deps, visit) => {
    const [popular, recent] = await Promise.all([
      listPackages(deps, first("downloads")),
      listPackages(deps, first("updated")),
    ]);
    const site = siteOf(deps);
    return {
      title: site.title,
      description: site.description,
      body: (
        <>
          <h1>{site.title}</h1>
          <p class="lead">{site.description}</p>
          <p>{countText(popular.total, "package")}</p>
          <section>
            <h2>Most downloaded</h2>
            <PackageList visit={visit} items={popular.items} />
          </section>
          <section>
            <h2>Recently updated</h2>
            <PackageList visit={visit} items={recent.items} />
          </section>
        </>
      ),
    };
  },
};
