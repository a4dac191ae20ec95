/** @jsxImportSource preact */
import type { VersionStates } from "../../packages/list-version-states.ts";
import type { PackageSummary } from "../../packages/views.ts";
import type { OfVisit } from "../layout.tsx";
import { tabPath } from "./package-address.ts";
import { QuarantineText } from "./texts.tsx";

interface QuarantinesProps extends OfVisit {
  readonly summary: PackageSummary;
  readonly states: VersionStates;
}

/** Says above the settings what of the package nobody can download now, and whom to ask. */
export function Quarantines({ visit: { root }, summary: { name, quarantine }, states }: QuarantinesProps) {
  const stopped = states.items.flatMap((one) =>
    one.quarantine === null ? [] : [{ version: one.version, quarantine: one.quarantine }],
  );
  if (quarantine === null && stopped.length === 0) return null;
  return (
    <div class="banner bad">
      {quarantine !== null && (
        <p>
          <strong>The whole package is in quarantine</strong> <QuarantineText quarantine={quarantine} /> It is in no
          list, takes no new versions, and nobody can download it.
        </p>
      )}
      {stopped.map((one) => (
        <p key={one.version}>
          <strong>
            <a href={`${root}${tabPath(name, one.version, "")}`}>{one.version}</a> is in quarantine
          </strong>{" "}
          <QuarantineText quarantine={one.quarantine} /> Nobody can download it.
        </p>
      ))}
      <p>An administrator of this registry can end it. Ask them once the reason is gone.</p>
    </div>
  );
}
