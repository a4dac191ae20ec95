/** @jsxImportSource preact */
import { tabPath } from "./package-address.ts";
import type { OfTab } from "./version-tab.tsx";

interface CompareFormProps extends OfTab {
  /** What can be chosen, the highest first. */
  readonly versions: readonly string[];
  /** What is chosen now: by default the version of the tab, and the one below it. */
  readonly version: string;
  readonly since?: string;
}

/** Chooses two versions to compare. What is chosen now may be on another page of versions. */
export function CompareForm({ visit: { root }, shown, versions, version, since }: CompareFormProps) {
  const below = versions[versions.indexOf(version) + 1] ?? versions.find((one) => one !== version);
  const choices = (chosen: string | undefined) => {
    const all = chosen === undefined || versions.includes(chosen) ? versions : [chosen, ...versions];
    return all.map((one) => (
      <option key={one} value={one} selected={one === chosen}>
        {one}
      </option>
    ));
  };
  return (
    <form class="inline-form" action={`${root}${tabPath(shown.version.name, shown.version.version, "compare")}`}>
      <label for="since">Changes since</label>
      <select id="since" name="since">
        {choices(since ?? below)}
      </select>
      <label for="version">in</label>
      <select id="version" name="version">
        {choices(version)}
      </select>
      <button type="submit">Compare</button>
    </form>
  );
}
