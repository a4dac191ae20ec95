import type { ArchiveFile, ArchiveWarning, Inspection } from "../archive/inspect.ts";
import type { Maintainer, Manifest } from "../archive/manifest.ts";
import type { Tables } from "../db/database.ts";
import type { Json } from "../db/json.ts";
import { isHttpLink } from "../domain/http-link.ts";
import { LONG_MANIFEST_BYTES } from "../domain/limits.ts";

/*
 * What the JSON columns of a version hold. They are written and read only here, so that the shapes
 * cannot drift apart.
 */

type StoredField =
  | "maintainers"
  | "dependencies"
  | "conditions"
  | "inputs"
  | "tags"
  | "license"
  | "homepage"
  | "repository";

/** The manifest as it was published, without the fields that have columns of their own. */
export interface ManifestRecord extends Pick<Manifest, StoredField> {
  readonly description: string;
}

/** Chooses the fields of a manifest that are stored parsed. Its whole text is stored too. */
export function manifestRecord(manifest: Manifest): ManifestRecord {
  const { description = "", maintainers, dependencies, conditions, inputs, tags } = manifest;
  const { license, homepage, repository } = manifest;
  return { description, maintainers, dependencies, conditions, inputs, tags, license, homepage, repository };
}

/** What stands in the place of the manifest of a version that was taken down. */
export const NO_MANIFEST: ManifestRecord = {
  ...{
    description: "",
    maintainers: [],
    dependencies: [],
    conditions: { colonyOSVersion: undefined, architecture: undefined },
    inputs: [],
    tags: [],
  },
  ...{ license: undefined, homepage: undefined, repository: undefined },
};

type Stored = Pick<Tables["versions"]["$inferSelect"], "manifest" | "warnings">;

/**
 * Counts the bytes of manifest and warnings beyond `LONG_MANIFEST_BYTES`, which any version may
 * have.
 */
export function longManifestBytes({ manifest, warnings }: Pick<Inspection, "manifest" | "warnings">): number {
  return longBytesOf(manifestRecord(manifest), warnings);
}

/** Counts the same of a version that is stored. */
export function storedLongManifestBytes({ manifest, warnings }: Stored): number {
  return longBytesOf(manifest, warnings);
}

function longBytesOf(manifest: object | Json, warnings: object | Json): number {
  const shown = JSON.stringify(manifest) + JSON.stringify(warnings);
  return Math.max(0, Buffer.byteLength(shown) - LONG_MANIFEST_BYTES);
}

/** Makes a value fit for a JSON column: leaves out what JSON cannot express (`undefined`). */
export function toJson(value: ManifestRecord | Inspection["files"] | Inspection["warnings"]): Json {
  return JSON.parse(JSON.stringify(value));
}

function withShownLink(person: Maintainer): Maintainer {
  return { ...person, url: shownLink(person.url) };
}

const shownLink = (link: string | undefined) => (link !== undefined && isHttpLink(link) ? link : undefined);

/** The fields of the latest manifest that a package is shown with. */
export type ListedManifest = Pick<ManifestRecord, "inputs" | "maintainers">;

/** Reads these fields from their parts of the JSON column. */
export function listedManifest(inputs: Json, maintainers: Json): ListedManifest {
  const people = maintainers as object as ManifestRecord["maintainers"];
  return { inputs: inputs as object as ManifestRecord["inputs"], maintainers: people.map(withShownLink) };
}

/**
 * Reads a manifest from its JSON column, without links that are not http or https: whatever wrote
 * the row, no page gets one.
 */
export function manifestFrom(column: Json): ManifestRecord {
  const record = column as object as ManifestRecord;
  const maintainers = record.maintainers.map(withShownLink);
  return { ...record, maintainers, homepage: shownLink(record.homepage), repository: shownLink(record.repository) };
}

/** Reads warnings from their JSON column. */
export function warningsFrom(column: Json): readonly ArchiveWarning[] {
  return column as object as readonly ArchiveWarning[];
}

/** Reads the list of files from its JSON column. */
export function filesFrom(column: Json): readonly ArchiveFile[] {
  return column as object as readonly ArchiveFile[];
}

/** Makes the row of an archive's contents, which are stored beside its version. */
export function contentsRow(
  versionId: number,
  inspection: Pick<Inspection, "manifestText" | "readme" | "values" | "files">,
): Tables["versionContents"]["$inferInsert"] {
  const { manifestText, readme = null, values = null, files } = inspection;
  return { versionId, manifestText, readme, valuesText: values, files: toJson(files) };
}
