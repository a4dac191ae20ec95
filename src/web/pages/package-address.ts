/** The tabs of a version, in their order: the last part of the address, and what the tab says. */
export const TABS = [
  ["", "Readme"],
  ["values", "Values"],
  ["inputs", "Inputs"],
  ["files", "Files"],
  ["versions", "Versions"],
  ["dependencies", "Dependencies"],
  ["trust", "Trust"],
] as const;

/** The last part of the address of a tab. */
export type Tab = (typeof TABS)[number][0];

/** The address of a tab of a version, below the root of the registry. */
export function tabPath(name: string, version: string, tab: Tab | "compare"): string {
  const path = `packages/${name}/${encodeURIComponent(version)}`;
  return tab === "" ? path : `${path}/${tab}`;
}

/** The address of what changed in a version since another one, below the root of the registry. */
export function comparePath(name: string, version: string, since: string): string {
  return `${tabPath(name, version, "compare")}/${encodeURIComponent(since)}`;
}
