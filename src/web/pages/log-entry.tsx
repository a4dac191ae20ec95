/** @jsxImportSource preact */
import type { ShownEntry } from "../../log/read-overview.ts";
import { keyIdOf } from "../../signing/verify-archive.ts";
import type { KeyEntry } from "../../tlog/key-leaf.ts";

import { type StatusEntry, WHOLE_PACKAGE } from "../../tlog/status-leaf.ts";
import type { OfVisit } from "../layout.tsx";
import { tabPath } from "./package-address.ts";
import { yankReasonText } from "./yank-texts.ts";

interface OfPackage extends OfVisit {
  readonly name: string;
  readonly version?: string;
}

/** A package, or one version of it, as a link. */
function Subject({ visit: { root }, name, version }: OfPackage) {
  return version === undefined ? (
    <a href={`${root}packages/${encodeURIComponent(name)}`}>{name}</a>
  ) : (
    <a href={`${root}${tabPath(encodeURIComponent(name), version, "")}`}>
      {name} {version}
    </a>
  );
}

function Key({ publicKey }: { readonly publicKey: string }) {
  const keyId = keyIdOf(publicKey);
  return <code title={keyId}>{keyId.slice(0, 12)}</code>;
}

function by(name: string | null): string {
  return name === null ? "" : ` by ${name}`;
}

function KeySentence({ visit, leaf }: OfVisit & { readonly leaf: KeyEntry }) {
  const { action, name, publicKey, removal } = leaf;
  const key = <Key publicKey={publicKey} />;
  const subject = <Subject visit={visit} name={name} />;
  const who = by(leaf.by);
  switch (action) {
    case "add":
      return (
        <>
          Key {key} may sign {subject}: added{who}
        </>
      );
    case "remove":
      return (
        <>
          Key {key} may no longer sign {subject}: removed{who}
          {removal !== undefined && `, ${removal.reason}`}
          {removal?.since != null && ` since ${removal.since}`}
        </>
      );
    case "reset":
      return (
        <>
          A reset of the keys of {subject} to {key} was requested{who}
        </>
      );
    case "cancel":
      return (
        <>
          The reset of the keys of {subject} was cancelled{who}
        </>
      );
    case "uphold":
      return (
        <>
          The reset of the keys of {subject} to {key} was upheld{who}
        </>
      );
  }
}

const STATUS_VERBS: Readonly<Record<StatusEntry["action"], string>> = {
  quarantine: "was put in quarantine",
  release: "was released from quarantine",
  remove: "was taken down",
};

/** What an entry of the log says, as a sentence with links. */
export function LogSentence({ visit, entry: { leaf, yankReason } }: OfVisit & { readonly entry: ShownEntry }) {
  const why = yankReasonText(yankReason ?? null);
  if (leaf === undefined) return <>An entry of a kind that this program does not know</>;
  switch (leaf.kind) {
    case "version":
      return (
        <>
          <Subject visit={visit} name={leaf.name} version={leaf.version} /> was published, signed with key{" "}
          <Key publicKey={leaf.publicKey} />
        </>
      );
    case "yank":
      return (
        <>
          <Subject visit={visit} name={leaf.name} version={leaf.version} />{" "}
          {leaf.action === "yank" ? "was yanked" : "is no longer yanked: taken back"}
          {by(leaf.by === "-" ? null : leaf.by)}
          {why !== undefined && `: ${why}`}
        </>
      );
    case "key":
      return <KeySentence visit={visit} leaf={leaf} />;
    case "status":
      return (
        <>
          {leaf.version === WHOLE_PACKAGE ? (
            <>
              All of <Subject visit={visit} name={leaf.name} />
            </>
          ) : (
            <Subject visit={visit} name={leaf.name} version={leaf.version} />
          )}{" "}
          {STATUS_VERBS[leaf.action]}: {leaf.reason}
        </>
      );
    case "log":
      return leaf.action === "rotate" ? (
        <>The log has a new key, which the old one signed</>
      ) : (
        <>A new log continues this one, because its key was lost</>
      );
  }
}
