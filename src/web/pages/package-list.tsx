/** @jsxImportSource preact */
import type { PackageSummary } from "../../packages/views.ts";
import type { OfVisit } from "../layout.tsx";
import { countText, Day } from "./texts.tsx";

/** Some packages as a list of links, each with what helps to choose. Its heads are of level three. */
export function PackageList({ visit: { root }, items }: OfVisit & { readonly items: readonly PackageSummary[] }) {
  return (
    <ul class="packages">
      {items.map(({ name, latest, description, latestPublishedAt, downloads, status, quarantine }) => (
        <li key={name}>
          <h3>
            <a href={`${root}packages/${name}`}>{name}</a> {latest !== null && <span class="version">{latest}</span>}
            {status !== "active" && <span class="badge warn">{status}</span>}
            {quarantine !== null && <span class="badge bad">in quarantine</span>}
            {quarantine === null && latest === null && <span class="badge plain">no latest version</span>}
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
