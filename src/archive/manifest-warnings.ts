import { isVersionRange } from "../domain/version-range.ts";
import { printable } from "./archive-fault.ts";
import { type ArchiveWarning, namedPlaces } from "./archive-warning.ts";

/** Returns one warning for all links that are not shown, because a manifest may have hundreds. */
export function linkWarnings(paths: readonly string[]): ArchiveWarning[] {
  const [first] = paths;
  if (first === undefined) return [];
  const named = namedPlaces(paths.map((path) => path.slice(1)));
  const message = `${named} in colony.yaml: only links with http:// or https:// are shown`;
  return [{ code: "link_not_http", message, path: `colony.yaml#${first}` }];
}

/** Returns one warning for all ranges of versions that the client's libraries cannot parse. */
export function rangeWarnings(
  dependencies: readonly { readonly name: string; readonly version: string | undefined }[],
): ArchiveWarning[] {
  const found = dependencies.flatMap(({ name, version = "" }, index) =>
    version === "" || isVersionRange(version) ? [] : [{ index, text: `${printable(name)} "${printable(version)}"` }],
  );
  const [first] = found;
  if (first === undefined) return [];
  const message =
    `${namedPlaces(found.map(({ text }) => text))} in colony.yaml: not a range of versions, so the dependency ` +
    'cannot be resolved. Write one such as "^1.2.0" or ">=1.0 <2"';
  return [{ code: "dependency_range_invalid", message, path: `colony.yaml#/dependencies/${first.index}/version` }];
}

/** Returns the warning about inputs in a place where only a draft of the format had them. */
export function specWarning(isRead: boolean): ArchiveWarning {
  const effect = isRead ? "are shown, but the client does not look there" : "are ignored";
  const message = `inputs under spec in colony.yaml ${effect}: write inputs: without spec: above it`;
  return { code: "inputs_under_spec", message, path: "colony.yaml#/spec/inputs" };
}
