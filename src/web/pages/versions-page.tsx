/** @jsxImportSource preact */
import { compareVersions, parseVersion } from "../../domain/version.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { type ListedVersion, listVersions, type VersionList } from "../../packages/list-versions.ts";
import { CompareForm } from "./compare-form.tsx";
import { comparePath, tabPath } from "./package-address.ts";
import { pageNumber } from "./page-number.ts";
import { Pager } from "./pager.tsx";
import { TableRegion } from "./table-region.tsx";
import { countText, Day, sizeText } from "./texts.tsx";
import { Empty, type OfTab, versionTab } from "./version-tab.tsx";
import { yankReasonText } from "./yank-texts.ts";

const PAGE_SIZE = 50;

interface VersionRowProps extends OfTab {
  readonly item: ListedVersion;
}

/** The address of the changes from the lower of two versions to the higher. */
function compareAddress(name: string, one: string, other: string): string {
  const [first, second] = [parseVersion(one), parseVersion(other)];
  const isHigher = first !== undefined && second !== undefined && compareVersions(first, second) > 0;
  return isHigher ? comparePath(name, one, other) : comparePath(name, other, one);
}

function VersionRow({ visit: { root }, shown, item }: VersionRowProps) {
  const { version, publishedAt, publishedBy, size, downloads, yankReason, yankMessage } = item;
  const { name, version: current } = shown.version;
  const why = [yankReasonText(yankReason) ?? "", yankMessage ?? ""].filter((text) => text !== "").join(": ");
  return (
    <tr>
      <td>
        <a href={`${root}${tabPath(name, version, "")}`} aria-current={version === current ? "true" : undefined}>
          {version}
        </a>
        {version === shown.summary.latest && <span class="badge">latest</span>}
        {item.isPrerelease && <span class="badge plain">pre-release</span>}
        {item.isTakenDown && <span class="badge bad">taken down</span>}
        {item.isQuarantined && <span class="badge bad">quarantined</span>}
        {item.isYanked && <span class="badge warn">yanked</span>}
        {item.isYanked && why !== "" && <div class="hint">{why}</div>}
      </td>
      <td>
        <Day at={publishedAt} />
      </td>
      <td>
        <a href={`${root}users/${publishedBy}`}>{publishedBy}</a>
      </td>
      <td class="number">{sizeText(size)}</td>
      <td class="number">{downloads.toLocaleString("en")}</td>
      <td>
        {version !== current && (
          <a href={`${root}${compareAddress(name, version, current)}`} rel="nofollow">
            Compare<span class="hidden">{` ${version} with ${current}`}</span>
          </a>
        )}
      </td>
    </tr>
  );
}

function Versions({
  list: { items, total },
  page,
  ...of
}: OfTab & { readonly list: VersionList; readonly page: number }) {
  const address = tabPath(of.shown.version.name, of.shown.version.version, "versions");
  const pages = Math.ceil(total / PAGE_SIZE);
  if (items.length === 0)
    return (
      <Empty>
        There is no page {page}: it has {countText(total, "version")}.
      </Empty>
    );
  return (
    <>
      {total > 1 && (
        <CompareForm {...of} versions={items.map((item) => item.version)} version={of.shown.version.version} />
      )}
      <p class="hint">{countText(total, "version")}</p>
      <TableRegion label="Versions">
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Published</th>
            <th scope="col">By</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col" class="number">
              Downloads
            </th>
            <th scope="col">
              <span class="hidden">Compare</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <VersionRow key={item.version} {...of} item={item} />
          ))}
        </tbody>
      </TableRegion>
      <Pager
        visit={of.visit}
        label="Pages of versions"
        previous={page > 1 ? `${address}?page=${page - 1}` : undefined}
        next={page < pages ? `${address}?page=${page + 1}` : undefined}
        position={`Page ${page.toLocaleString("en")} of ${pages.toLocaleString("en")}`}
      />
    </>
  );
}

/** The tab with all versions of a package. */
export const versionsPage = versionTab({
  current: "versions",
  load: async (deps, visit, shown) => {
    const page = pageNumber(visit.query);
    const asked = { skipped: (page - 1) * PAGE_SIZE, max: PAGE_SIZE };
    const list = await listVersions(deps, packageNameParam(shown.version.name), asked);
    return { title: "Versions", children: <Versions visit={visit} shown={shown} list={list} page={page} /> };
  },
});
