/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { isPrerelease, parseVersion } from "../../domain/version.ts";
import type { ShownVersion } from "../../packages/read-shown-version.ts";
import type { VersionView } from "../../packages/views.ts";
import type { OfVisit, Page } from "../layout.tsx";
import type { Visit } from "../visit.ts";
import { TABS, type Tab, tabPath } from "./package-address.ts";
import { Administration } from "./package-administration.tsx";
import { PackageFacts } from "./package-facts.tsx";
import { Command, QuarantineText, sentence } from "./texts.tsx";
import { yankReasonText } from "./yank-texts.ts";

interface OfShown extends OfVisit {
  readonly shown: ShownVersion;
}

interface ReplacementProps {
  readonly root: string;
  /** The package that is replaced. */
  readonly name: string;
  /** A version of the same package, `name` or `name@version`. */
  readonly text: string | null;
}

function Replacement({ root, name, text }: ReplacementProps) {
  if (text === null) return null;
  const [other = "", version] = parseVersion(text) === undefined ? text.split("@", 2) : [name, text];
  const address = version === undefined ? `packages/${other}` : tabPath(other, version, "");
  return (
    <>
      {" "}
      Use <a href={`${root}${address}`}>{text}</a> instead.
    </>
  );
}

/** Says why a version is yanked: the reason as words, then what the owner wrote. */
function yankText({ yankReason, yankMessage }: VersionView): string {
  const reason = yankReasonText(yankReason);
  const said = [reason === undefined ? [] : `${reason}.`, yankMessage ? sentence(yankMessage) : []].flat();
  return said.length === 0 ? "." : `: ${said.join(" ")}`;
}

/** What a reader must know before anything else: why not to use this version or package. */
function StatusBanners({ visit: { root }, shown: { summary, version } }: OfShown) {
  const { status, statusMessage, statusReplacement, quarantine } = summary;
  const stopped = version.quarantine ?? quarantine;
  return (
    <>
      {stopped !== null && (
        <div class="banner bad">
          <strong>In quarantine</strong> <QuarantineText quarantine={stopped} /> It cannot be downloaded.
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
          {yankText(version)}
          <Replacement root={root} name={version.name} text={version.yankReplacement} />
        </div>
      )}
      {status !== "active" && (
        <div class="banner warn">
          <strong>{status === "deprecated" ? "Deprecated" : "Archived"}</strong>
          {statusMessage ? `: ${sentence(statusMessage)}` : "."}
          <Replacement root={root} name={version.name} text={statusReplacement} />
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

/** The command that fetches and verifies a version. */
export function downloadCommand({ base }: Pick<Visit, "base">, name: string, version: string): string {
  return `cpm-registry download ${name}@${version} --registry ${base}`;
}

/** The commands that get a version. Nobody gets one that is in quarantine. */
function GetIt({ visit, shown: { version, summary } }: OfShown) {
  if (version.quarantine !== null || summary.quarantine !== null) return null;
  const { name, version: number } = version;
  return (
    <div class="halves get">
      <div>
        <p class="hint">
          Download and verify with <a href={`${visit.root}help#program`}>cpm-registry</a>
        </p>
        <Command text={downloadCommand(visit, name, number)} label="the command that downloads this version" />
      </div>
      <div>
        <p class="hint">
          Or install with <a href={`${visit.root}help#cpm`}>cpm, if you have it</a>
        </p>
        <Command text={`cpm install ${name} --version ${number}`} label="the command that installs this version" />
      </div>
    </div>
  );
}

function isPrereleaseText(text: string): boolean {
  const parsed = parseVersion(text);
  return parsed !== undefined && isPrerelease(parsed);
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
          {version.yanked && <span class="badge warn">yanked</span>}
          {isPrereleaseText(version.version) && <span class="badge plain">pre-release</span>}
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
        <GetIt visit={visit} shown={shown} />
      </header>
      <Tabs visit={visit} shown={shown} current={current} />
      <div class="columns">
        <div class="content">{children}</div>
        <aside aria-label="About this version">
          <PackageFacts visit={visit} shown={shown} />
          <Administration visit={visit} shown={shown} />
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
