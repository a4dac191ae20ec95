import type { Inspection } from "../archive/inspect.ts";
import { parsePackageName } from "../domain/package-name.ts";
import { parseVersion } from "../domain/version.ts";
import { NO_MANIFEST } from "../packages/records.ts";
import type { Leaf, VersionEntry } from "../tlog/leaf.ts";
import { WHOLE_PACKAGE } from "../tlog/status-leaf.ts";

/** The takedowns among some leaves: the archives of such versions are gone, and not lost. */
export class Takedowns {
  readonly #subjects = new Set<string>();

  /** Notes a leaf, of whatever kind. */
  add(leaf: Leaf): void {
    if (leaf.kind === "status" && leaf.action === "remove") this.#subjects.add(`${leaf.name} ${leaf.version}`);
  }

  /** Reports whether a version was taken down, by itself or with its package. */
  has({ name, version }: Pick<VersionEntry, "name" | "version">): boolean {
    return this.#subjects.has(`${name} ${version}`) || this.#subjects.has(`${name} ${WHOLE_PACKAGE}`);
  }
}

/**
 * Returns what stands for the contents of a version whose archive was taken down. Undefined for a
 * leaf that names no version.
 */
export function tombstoneOf({ name: nameText, version: versionText }: VersionEntry): Inspection | undefined {
  const [name, version] = [parsePackageName(nameText), parseVersion(versionText)];
  if (name === undefined || version === undefined) return undefined;
  const { description, ...manifest } = NO_MANIFEST;
  return {
    manifest: { ...manifest, name, version, description, apiVersion: undefined, publicKey: undefined },
    ...{ manifestText: "", readme: undefined, values: undefined, files: [], warnings: [] },
    ...{ secrets: [], secretsLeftOut: 0 },
  };
}
