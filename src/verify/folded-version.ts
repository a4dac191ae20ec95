import { foldName } from "../domain/package-name.ts";
import { WHOLE_PACKAGE } from "../tlog/status-leaf.ts";

/** SemVer build metadata does not make a version different, and neither does a leading `v`. */
function foldVersion(version: string): string {
  return version.replace(/^[v=]+/, "").replace(/\+.*$/s, "");
}

/** The name and version under which all spellings of a version are one. */
export function foldedVersion({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${foldName(name)} ${version === WHOLE_PACKAGE ? version : foldVersion(version)}`;
}
