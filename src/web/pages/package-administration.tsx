/** @jsxImportSource preact */
import type { ShownVersion } from "../../packages/read-shown-version.ts";
import type { OfVisit } from "../layout.tsx";
import { Command, InlineCommand } from "./texts.tsx";

interface OfShown extends OfVisit {
  readonly shown: ShownVersion;
}

/** The address of the form that puts a package or a version into quarantine, below the root. */
export function quarantineFormPath(name: string, version?: string): string {
  const asked = new URLSearchParams({ package: name, ...(version !== undefined && { version }) });
  return `admin/quarantine?${asked}#put`;
}

/** The commands that take things down. They run on the machine, which alone can erase bytes. */
function TakeDown({ name, version }: { readonly name: string; readonly version: string }) {
  const options = '--reason <word> --reference "<case>"';
  return (
    <details>
      <summary>Take down…</summary>
      <p>
        Erases the contents for good. Only the operator can, on the machine of the registry. Without{" "}
        <InlineCommand text="--yes" /> it shows what would happen.
      </p>
      <Command text={`cpm-registry admin purge ${name} ${version} ${options}`} label="the command for this version" />
      <Command text={`cpm-registry admin purge ${name} ${options}`} label="the command for the whole package" />
    </details>
  );
}

/** What administrators can do to a package, beside its page. Nobody else sees it. */
export function Administration({ visit: { root, visitor }, shown: { summary, version } }: OfShown) {
  if (visitor?.user.role !== "admin") return null;
  const { name, version: number } = version;
  return (
    <section class="administration">
      <h2>Administration</h2>
      <ul>
        {version.quarantine === null && (
          <li>
            <a href={`${root}${quarantineFormPath(name, number)}`}>Quarantine {number}</a>
          </li>
        )}
        {summary.quarantine === null && (
          <li>
            <a href={`${root}${quarantineFormPath(name)}`}>Quarantine the package</a>
          </li>
        )}
        {(version.quarantine ?? summary.quarantine) !== null && (
          <li>
            <a href={`${root}admin/quarantine`}>Release from quarantine</a>
          </li>
        )}
        <li>
          <a href={`${root}admin/events?${new URLSearchParams({ package: name })}`}>Events</a>
        </li>
        <li>
          <a href={`${root}packages/${name}/settings`}>Keys and settings</a>
        </li>
      </ul>
      <TakeDown name={name} version={number} />
    </section>
  );
}
