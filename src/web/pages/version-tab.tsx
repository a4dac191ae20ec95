/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { RegistryError } from "../../errors.ts";
import { packageNameParam } from "../../packages/find-package.ts";
import { listVersions } from "../../packages/list-versions.ts";
import type { ShownText, ShownVersion } from "../../packages/read-shown-version.ts";
import type { PageSpec } from "../handlers.ts";
import type { OfVisit, Page } from "../layout.tsx";
import type { Visit, WebDeps } from "../visit.ts";
import { type Tab, tabPath } from "./package-address.ts";
import { tabPage } from "./package-frame.tsx";
import { isAliasOf, shownVersionOf } from "./shown-version.ts";
import { countText, Day } from "./texts.tsx";

/** The properties of every part of a tab. */
export interface OfTab extends OfVisit {
  readonly shown: ShownVersion;
}

/** What is in a tab. */
export interface TabContent {
  /** Comes before the name of the package in the title of the window. */
  readonly title?: string;
  readonly children: ComponentChildren;
}

interface TabSpec {
  readonly current: Tab;
  /** False if the tab shows anything that changes with other packages. */
  readonly isShared?: boolean;
  /** The text of the archive that the tab shows. It is read with the version. */
  readonly text?: ShownText;
  readonly load: (deps: WebDeps, visit: Visit, shown: ShownVersion) => TabContent | Promise<TabContent>;
}

/** Says that there is nothing to show, and what to do about it. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** Stands in the place of contents that nobody may have. */
export function Withheld() {
  return <Empty>It is in quarantine, so its contents are not shown.</Empty>;
}

/** Reports whether nobody may have the contents of a version. */
export function isWithheld({ version, summary }: ShownVersion): boolean {
  return version.quarantine !== null || summary.quarantine !== null;
}

/** Makes the page of a tab of a version. A version that is not there offers those that are. */
export function versionTab({ current, isShared = true, text, load }: TabSpec): PageSpec {
  return {
    audience: "reader",
    isShared,
    load: async (deps, visit) => {
      const shown = await shownVersionOf(deps, visit, text);
      const page = tabPage(visit, shown, { current, ...(await load(deps, visit, shown)) });
      return { ...page, isAlias: isAliasOf(visit, shown) };
    },
    offer: otherVersions,
  };
}

const OFFERED = 10;

/** Makes the page of a version that does not exist: the versions that do. */
async function otherVersions(deps: WebDeps, visit: Visit, error: RegistryError): Promise<Page | undefined> {
  if (error.code !== "version_not_found") return undefined;
  const { name, version: asked, hint } = error;
  const { items, total } = await listVersions(deps, packageNameParam(name), { max: OFFERED });
  const [highest] = items;
  if (highest === undefined) return undefined;
  return {
    title: `No version ${asked} of ${name}`,
    status: 404,
    body: (
      <>
        <h1>
          <a href={`${visit.root}packages/${name}`}>{name}</a> has no version {asked}
        </h1>
        <p class="lead">{hint ?? `It has ${countText(total, "version")}. The newest are:`}</p>
        <ul>
          {items.map(({ version, publishedAt, isYanked, isTakenDown }) => (
            <li key={version}>
              <a href={`${visit.root}${tabPath(name, version, "")}`}>{version}</a>{" "}
              <span class="hint">
                <Day at={publishedAt} />
              </span>
              {isYanked && <span class="badge warn">yanked</span>}
              {isTakenDown && <span class="badge bad">taken down</span>}
            </li>
          ))}
        </ul>
        {total > OFFERED && (
          <p>
            <a href={`${visit.root}${tabPath(name, highest.version, "versions")}`}>All {countText(total, "version")}</a>
          </p>
        )}
      </>
    ),
  };
}
