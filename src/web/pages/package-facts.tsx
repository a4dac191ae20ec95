/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import type { Maintainer } from "../../archive/manifest.ts";
import type { ShownVersion } from "../../packages/read-shown-version.ts";
import type { OfVisit } from "../layout.tsx";
import { tabPath } from "./package-address.ts";
import { Day, sizeText } from "./texts.tsx";

interface OfShown extends OfVisit {
  readonly shown: ShownVersion;
}

/** One fact. Nothing for one that is not known. */
function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  if (children === undefined || children === null || children === "") return null;
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** A link of a stranger. */
function Foreign({ address, text }: { readonly address: string; readonly text: string }) {
  return (
    <a href={address} rel="nofollow noopener noreferrer ugc">
      {text}
    </a>
  );
}

function linkTo(address: string | undefined) {
  if (!address) return undefined;
  return <Foreign address={address} text={address.replace(/^https?:\/\//, "").replace(/\/$/, "")} />;
}

/** Who maintains it by their own words, which nobody checked. */
function Maintainers({ people }: { readonly people: readonly Maintainer[] }) {
  return (
    <>
      {people.map(({ name, email, url }, at) => {
        const shown = name || email || url || "";
        return <div key={at}>{url === undefined ? shown : <Foreign address={url} text={shown} />}</div>;
      })}
    </>
  );
}

/** User names, each as a link to what the account owns. */
export function People({ visit: { root }, names }: OfVisit & { readonly names: readonly string[] }) {
  return (
    <>
      {names.map((name, at) => (
        <span key={name}>
          {at > 0 && ", "}
          <a href={`${root}users/${name}`}>{name}</a>
        </span>
      ))}
    </>
  );
}

/** What the registry noticed in the archive when it was published. */
function Warnings({ shown: { version } }: Pick<OfShown, "shown">) {
  const { warnings } = version;
  if (warnings.length === 0) return null;
  return (
    <details>
      <summary>{warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`}</summary>
      <ul>
        {warnings.map(({ message }, at) => (
          <li key={at}>{message}</li>
        ))}
      </ul>
    </details>
  );
}

/** The facts of a version and its package, beside every tab. */
export function PackageFacts({ visit, shown }: OfShown) {
  const { summary, version } = shown;
  const { root } = visit;
  const { name, version: number, conditions, signature } = version;
  const isWithheld = version.quarantine !== null || summary.quarantine !== null;
  return (
    <>
      <dl class="facts">
        <Fact name="Published">
          <Day at={version.publishedAt} /> by <People visit={visit} names={[version.publishedBy]} />
        </Fact>
        <Fact name="Licence">{version.license}</Fact>
        <Fact name="Homepage">{linkTo(version.homepage)}</Fact>
        <Fact name="Repository">{linkTo(version.repository)}</Fact>
        <Fact name="ColonyOS">{conditions.colonyOSVersion}</Fact>
        <Fact name="Architecture">{conditions.architecture}</Fact>
        <Fact name="Size">
          {sizeText(version.size)}
          {!isWithheld && (
            <>
              {", "}
              <a href={`${root}${tabPath(name, number, "")}/download`}>archive</a>
            </>
          )}
        </Fact>
        <Fact name="Downloads">
          {version.downloads.toLocaleString("en")} of this version, {summary.downloads.toLocaleString("en")} in all
        </Fact>
        <Fact name="Owners">
          {summary.owners.length > 0 ? <People visit={visit} names={summary.owners} /> : undefined}
        </Fact>
        <Fact name="Maintainers">
          {version.maintainers.length > 0 ? <Maintainers people={version.maintainers} /> : undefined}
        </Fact>
        <Fact name="Signed with key">
          <a href={`${root}${tabPath(name, number, "trust")}`}>
            <code class="hex">{signature.keyId}</code>
          </a>
        </Fact>
        <Fact name="Log entry">{version.logIndex}</Fact>
      </dl>
      <Warnings shown={shown} />
    </>
  );
}
