/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { ShownVersion } from "../../packages/read-shown-version.ts";
import type { OfVisit, Page } from "../layout.tsx";
import type { Visit } from "../visit.ts";
import { TABS, type Tab, tabPath } from "./package-address.ts";
import { Command, countText, Day, sizeText } from "./texts.tsx";

interface OfShown extends OfVisit {
  readonly shown: ShownVersion;
}

/** A yank names its replacement as `name` or `name@version`. */
function Replacement({ root, text }: { readonly root: string; readonly text: string | null }) {
  if (text === null) return null;
  const [name = "", version] = text.split("@", 2);
  const address = version === undefined ? `packages/${name}` : tabPath(name, version, "");
  return (
    <>
      {" "}
      Use <a href={`${root}${address}`}>{text}</a> instead.
    </>
  );
}

/** What a reader must know before anything else: why not to use this version or package. */
function StatusBanners({ visit: { root }, shown: { summary, version } }: OfShown) {
  const { status, statusMessage, statusReplacement, quarantine } = summary;
  const stopped = version.quarantine ?? quarantine;
  return (
    <>
      {stopped !== null && (
        <div class="banner bad">
          <strong>In quarantine</strong> since <Day at={stopped.at} />: {stopped.reason}. It cannot be downloaded.
        </div>
      )}
      {version.signature.compromised && (
        <div class="banner bad">
          <strong>Signed with a compromised key.</strong> Do not use this version.
        </div>
      )}
      {version.yanked && (
        <div class="banner warn">
          <strong>Yanked</strong>
          {version.yankReason && `, ${version.yankReason}`}
          {version.yankMessage && `: ${version.yankMessage}`}.
          <Replacement root={root} text={version.yankReplacement} />
        </div>
      )}
      {status !== "active" && (
        <div class="banner warn">
          <strong>{status === "deprecated" ? "Deprecated" : "Archived"}</strong>
          {statusMessage && `: ${statusMessage}`}.
          <Replacement root={root} text={statusReplacement} />
        </div>
      )}
    </>
  );
}

function Tabs({ visit: { root, visitor }, shown: { summary, version }, current }: OfShown & { readonly current: Tab }) {
  const isOwner = visitor !== undefined && summary.owners.includes(visitor.user.username);
  return (
    <nav class="tabs" aria-label="Package">
      {TABS.map(([tab, label]) => (
        <a
          key={tab}
          href={`${root}${tabPath(version.name, version.version, tab)}`}
          aria-current={tab === current ? "page" : undefined}
        >
          {label}
        </a>
      ))}
      {isOwner && <a href={`${root}packages/${version.name}/settings`}>Settings</a>}
    </nav>
  );
}

function Facts({ visit: { root }, shown: { summary, version } }: OfShown) {
  const { license, homepage, repository, conditions } = version;
  const links = [
    ["Homepage", homepage],
    ["Repository", repository],
  ] as const;
  return (
    <dl class="facts">
      <dt>Published</dt>
      <dd>
        <Day at={version.publishedAt} /> by <a href={`${root}users/${version.publishedBy}`}>{version.publishedBy}</a>
      </dd>
      {license && (
        <>
          <dt>Licence</dt>
          <dd>{license}</dd>
        </>
      )}
      {links.map(
        ([label, address]) =>
          address && (
            <div key={label}>
              <dt>{label}</dt>
              <dd>
                <a href={address} rel="nofollow noopener noreferrer ugc">
                  {address.replace(/^https?:\/\//, "").replace(/\/$/, "")}
                </a>
              </dd>
            </div>
          ),
      )}
      {conditions.colonyOSVersion && (
        <>
          <dt>ColonyOS</dt>
          <dd>{conditions.colonyOSVersion}</dd>
        </>
      )}
      {conditions.architecture && (
        <>
          <dt>Architecture</dt>
          <dd>{conditions.architecture}</dd>
        </>
      )}
      <dt>Size</dt>
      <dd>{sizeText(version.size)}</dd>
      <dt>Downloads</dt>
      <dd>
        {version.downloads.toLocaleString("en")} of {countText(summary.downloads, "download")} of all versions
      </dd>
      <dt>Owners</dt>
      <dd>
        {summary.owners.map((owner, at) => (
          <span key={owner}>
            {at > 0 && ", "}
            <a href={`${root}users/${owner}`}>{owner}</a>
          </span>
        ))}
      </dd>
      <dt>Signed</dt>
      <dd>
        <a href={`${root}${tabPath(version.name, version.version, "trust")}`}>
          key {version.signature.keyId.slice(0, 12)}
          {version.logIndex !== null && `, log entry ${version.logIndex}`}
        </a>
      </dd>
    </dl>
  );
}

/** The command that fetches and verifies a version. */
export function downloadCommand({ base }: Pick<Visit, "base">, name: string, version: string): string {
  return `cpm-registry download ${name}@${version} --registry ${base}`;
}

interface FrameProps extends OfShown {
  readonly current: Tab;
  readonly children: ComponentChildren;
}

/** What every tab of a version has around it: what it is, its status, how to get it, its facts. */
function PackageFrame({ visit, shown, current, children }: FrameProps) {
  const { version, summary } = shown;
  const { name, tags } = version;
  return (
    <article class="package">
      <StatusBanners visit={visit} shown={shown} />
      <header class="package-head">
        <h1>
          {name} <span class="version">{version.version}</span>
          {version.version === summary.latest && <span class="badge">latest</span>}
        </h1>
        {version.description && <p class="lead">{version.description}</p>}
        {tags.length > 0 && (
          <ul class="tags" aria-label="Tags">
            {tags.map((tag) => (
              <li key={tag}>
                <a href={`${visit.root}search?${new URLSearchParams({ tag })}`}>{tag}</a>
              </li>
            ))}
          </ul>
        )}
        {summary.latest !== null && version.version !== summary.latest && (
          <p class="hint">
            The latest version is{" "}
            <a href={`${visit.root}${tabPath(name, summary.latest, current)}`}>{summary.latest}</a>.
          </p>
        )}
        <Command text={downloadCommand(visit, name, version.version)} label="the command that downloads this version" />
      </header>
      <Tabs visit={visit} shown={shown} current={current} />
      <div class="columns">
        <div class="content">{children}</div>
        <aside aria-label="About this version">
          <Facts visit={visit} shown={shown} />
        </aside>
      </div>
    </article>
  );
}

/** Makes the page of a tab. */
export function tabPage(
  visit: Visit,
  shown: ShownVersion,
  {
    current,
    title,
    children,
  }: { readonly current: Tab; readonly title?: string | undefined; readonly children: ComponentChildren },
): Page {
  const { name, version, description } = shown.version;
  return {
    title: `${title === undefined ? "" : `${title} · `}${name} ${version}`,
    description,
    body: (
      <PackageFrame visit={visit} shown={shown} current={current}>
        {children}
      </PackageFrame>
    ),
  };
}
