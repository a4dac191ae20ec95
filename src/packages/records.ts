import type { ArchiveFile, ArchiveWarning, Inspection } from "../archive/inspect.ts";
import type { Manifest } from "../archive/manifest.ts";
import type { Tables } from "../db/database.ts";
import type { Json } from "../db/json.ts";
import { LONG_MANIFEST_BYTES } from "../domain/limits.ts";

/* What the JSON columns of a version hold. Written and read here only, so that the shapes cannot drift apart. */

type Kept = "maintainers" | "dependencies" | "conditions" | "inputs" | "tags" | "license" | "homepage" | "repository";

/** The manifest as it was published, without what has columns of its own. */
export interface ManifestRecord extends Pick<Manifest, Kept> {
  readonly description: string;
}

/** Chooses what is kept of a manifest; its whole text is kept beside it. */
export function manifestRecord(manifest: Manifest): ManifestRecord {
  const { description = "", maintainers, dependencies, conditions, inputs, tags } = manifest;
  const { license, homepage, repository } = manifest;
  return { description, maintainers, dependencies, conditions, inputs, tags, license, homepage, repository };
}

/** How many bytes of what is shown of an archive count as long: its manifest and warnings, beyond what any version may. */
export function longManifestBytes({ manifest, warnings }: Pick<Inspection, "manifest" | "warnings">): number {
  const shown = JSON.stringify(manifestRecord(manifest)) + JSON.stringify(warnings);
  return Math.max(0, Buffer.byteLength(shown) - LONG_MANIFEST_BYTES);
}

/** Makes a value fit for a JSON column: what JSON cannot say (`undefined`) is left out. */
export function toJson(value: ManifestRecord | Inspection["files"] | Inspection["warnings"]): Json {
  return JSON.parse(JSON.stringify(value));
}

export function manifestFrom(column: Json): ManifestRecord {
  return column as object as ManifestRecord;
}

export function warningsFrom(column: Json): readonly ArchiveWarning[] {
  return column as object as readonly ArchiveWarning[];
}

export function filesFrom(column: Json): readonly ArchiveFile[] {
  return column as object as readonly ArchiveFile[];
}

/** What is kept of an archive beside its version. */
export function contentsRow(
  versionId: number,
  inspection: Pick<Inspection, "manifestText" | "readme" | "values" | "files">,
): Tables["versionContents"]["$inferInsert"] {
  const { manifestText, readme = null, values = null, files } = inspection;
  return { versionId, manifestText, readme, valuesText: values, files: toJson(files) };
}
