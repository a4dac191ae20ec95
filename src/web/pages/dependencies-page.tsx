/** @jsxImportSource preact */
import { readDependents } from "../../packages/dependents.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { type KnownPackage, readKnownPackages } from "../../packages/known-dependencies.ts";
import type { PackageSummary } from "../../packages/views.ts";
import { tabPath } from "./package-address.ts";
import { PackageList } from "./package-list.tsx";
import { Pager } from "./pager.tsx";
import { TableRegion } from "./table-region.tsx";
import { Empty, type OfTab, versionTab } from "./version-tab.tsx";

const PAGE_SIZE = 20;

interface DependenciesProps extends OfTab {
  readonly known: ReadonlyMap<string, KnownPackage>;
}

function Dependencies({ visit: { root }, shown: { version }, known }: DependenciesProps) {
  if (version.dependencies.length === 0) return <Empty>This version needs no other package.</Empty>;
  return (
    <TableRegion label="Dependencies">
      <thead>
        <tr>
          <th scope="col">Package</th>
          <th scope="col">Versions</th>
          <th scope="col">Latest</th>
        </tr>
      </thead>
      <tbody>
        {version.dependencies.map(({ name, version: range }, at) => {
          const found = known.get(name);
          return (
            <tr key={at}>
              <th scope="row">
                {found === undefined ? name : <a href={`${root}packages/${found.name}`}>{name}</a>}
                {found === undefined && <span class="badge plain">not in this registry</span>}
                {found !== undefined && found.description !== "" && <div class="hint">{found.description}</div>}
              </th>
              <td>{range ? <code>{range}</code> : <span class="hint">any</span>}</td>
              <td>{found !== undefined && (found.latest ?? <span class="hint">none</span>)}</td>
            </tr>
          );
        })}
      </tbody>
    </TableRegion>
  );
}

interface DependentsProps extends OfTab {
  readonly items: readonly PackageSummary[];
  /** The id after which the page begins and the one after which the next does. */
  readonly after: number;
  readonly next: number | undefined;
}

function Dependents({ visit, shown: { version }, items, after, next }: DependentsProps) {
  const address = tabPath(version.name, version.version, "dependencies");
  return (
    <section id="dependents">
      <h2>Used by</h2>
      {items.length === 0 && (
        <Empty>
          {after > 0 ? "No further package depends on it." : "No package of this registry depends on it yet."}
        </Empty>
      )}
      <PackageList visit={visit} items={items} />
      <Pager
        visit={visit}
        label="Pages of dependents"
        previous={after > 0 ? `${address}#dependents` : undefined}
        next={next === undefined ? undefined : `${address}?after=${next}#dependents`}
        previousText="First page"
      />
    </section>
  );
}

/** Reads the id after which a page of dependents begins. What is no id means the first page. */
function askedAfter(query: URLSearchParams): number {
  const asked = query.get("after") ?? "";
  return /^\d{1,15}$/.test(asked) ? Number(asked) : 0;
}

/**
 * The tab with the packages that a version needs, and those that need its package. Both are other
 * packages, whose changes do not invalidate this page, so it is not shared.
 */
export const dependenciesPage = versionTab({
  current: "dependencies",
  isShared: false,
  load: async (deps, visit, shown) => {
    const { name, dependencies } = shown.version;
    const after = askedAfter(visit.query);
    const [known, dependents] = await Promise.all([
      readKnownPackages(
        deps,
        dependencies.map((one) => one.name),
      ),
      readDependents(deps, packageNameParam(name), { readable: undefined, after, pageSize: PAGE_SIZE }),
    ]);
    const of = { visit, shown };
    const children = (
      <>
        <h2>Dependencies</h2>
        <Dependencies {...of} known={known} />
        <Dependents {...of} {...dependents} after={after} />
      </>
    );
    return { title: "Dependencies", children };
  },
});
