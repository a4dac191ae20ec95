import { SHOWN_MANIFEST_MAX_BYTES } from "../domain/limits.ts";
import type { PackageName } from "../domain/package-name.ts";
import { explainPackageName, parsePackageName } from "../domain/package-name.ts";
import { parseVersion, VERSION_MAX_CHARS, type Version } from "../domain/version.ts";
import { type ArchiveFault, printable } from "./archive-fault.ts";
import type { ArchiveWarning } from "./archive-warning.ts";
import { ShapeReader, type YamlFields } from "./manifest-shape.ts";
import { linkWarnings, rangeWarnings, specWarning } from "./manifest-warnings.ts";
import { readYaml } from "./yaml.ts";
import { decodeFields, type YamlValue } from "./yaml-decode.ts";

export type { YamlValue as ManifestValue } from "./yaml-decode.ts";

/** A person who maintains the package, by their own words. */
export interface Maintainer {
  readonly name: string | undefined;
  readonly email: string | undefined;
  readonly url: string | undefined;
}

/** `version` is any range that the client understands; the registry does not resolve it. */
export interface Dependency {
  readonly name: string;
  readonly version: string | undefined;
}

/** Where the package can be installed. */
export interface Conditions {
  readonly colonyOSVersion: string | undefined;
  readonly architecture: string | undefined;
}

/**
 * A value that the installer asks for. `default` can be of any type. Scalars among the `options`
 * are texts.
 */
export interface ManifestInput {
  readonly key: string | undefined;
  readonly label: string | undefined;
  readonly type: string | undefined;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly default: YamlValue | undefined;
  readonly options: readonly YamlValue[];
}

/**
 * The contents of `colony.yaml`. Texts are not validated, except that `homepage`, `repository` and
 * the `url` of a maintainer are http or https links.
 */
export interface Manifest {
  readonly apiVersion: string | undefined;
  readonly name: PackageName;
  readonly version: Version;
  readonly description: string | undefined;
  readonly maintainers: readonly Maintainer[];
  readonly dependencies: readonly Dependency[];
  readonly conditions: Conditions;
  readonly inputs: readonly ManifestInput[];
  /** `tags` and `keywords` in one list, trimmed, without duplicates in other capitals. */
  readonly tags: readonly string[];
  readonly license: string | undefined;
  readonly homepage: string | undefined;
  readonly repository: string | undefined;
  readonly publicKey: string | undefined;
}

/** The result of reading a manifest: the manifest or its faults. */
export interface ManifestReading {
  /** Present if there are no faults. */
  readonly manifest?: Manifest;
  /** The manifest's text without a byte order mark; empty when it is not UTF-8. */
  readonly text: string;
  readonly warnings: readonly ArchiveWarning[];
  /** All faults; `path` is a JSON pointer (RFC 6901), empty for the document as a whole. */
  readonly faults: readonly ArchiveFault[];
}

const WORD_MAX_CHARS = 200;
const LINK_MAX_CHARS = 2_048;
const DESCRIPTION_MAX_CHARS = 2_000;
const TAG_MAX_CHARS = 50;
const TAGS_MAX = 50;
const LIST_MAX = 200;

/**
 * Decodes `colony.yaml` as the client does (a Go struct, yaml.v3): a scalar that is read into a
 * string field stays text, so `version: 1.10` is "1.10". Nulls are absent, unknown fields are
 * ignored.
 *
 * Everything that the client could not decode is a fault, and so is a name or version that this
 * registry could not publish. One reading reports all faults. Never throws.
 */
export function readManifest(bytes: Uint8Array): ManifestReading {
  const { root: node, text, faults } = readYaml(bytes);
  if (faults.length > 0) return { text, faults, warnings: [] };
  const reader = new ShapeReader();
  const root = reader.root(node);
  if (root === undefined) return { text, faults: reader.faults, warnings: [] };
  const name = readNameField(reader, root);
  const version = readVersionField(reader, root);
  const spec = readSpecInputs(root);
  const rest = readOptionalFields(reader, root, spec.inputs);
  refuseOversize(reader, rest);
  const warnings = [...linkWarnings(reader.linksLeftOut), ...rangeWarnings(rest.dependencies), ...spec.warnings];
  if (name === undefined || version === undefined || reader.faults.length > 0) {
    return { text, faults: reader.faults, warnings };
  }
  return { manifest: { name, version, ...rest }, text, faults: [], warnings };
}

function readOptionalFields(
  reader: ShapeReader,
  root: YamlFields,
  specInputs: readonly ManifestInput[],
): Omit<Manifest, "name" | "version"> {
  return {
    apiVersion: reader.word(root, "apiVersion", "", WORD_MAX_CHARS),
    description: reader.text(root, "description", "", DESCRIPTION_MAX_CHARS),
    maintainers: readMaintainers(reader, root),
    dependencies: readDependencies(reader, root),
    conditions: readConditions(reader, root),
    inputs: root.has("inputs") ? readInputs(reader, root, "") : specInputs,
    tags: readTags(reader, root),
    license: reader.word(root, "license", "", WORD_MAX_CHARS),
    homepage: reader.link(root, "homepage", "", LINK_MAX_CHARS),
    repository: reader.link(root, "repository", "", LINK_MAX_CHARS),
    publicKey: reader.word(root, "publicKey", "", WORD_MAX_CHARS),
  };
}

/**
 * Refuses a manifest whose fields are too large in sum. Each field has a limit of its own, but many
 * fields at their limits would together make the page of a package too large, which repeats them
 * for each version.
 */
function refuseOversize(reader: ShapeReader, fields: Omit<Manifest, "name" | "version">): void {
  if (Buffer.byteLength(JSON.stringify(fields)) <= SHOWN_MANIFEST_MAX_BYTES) return;
  const message =
    `has fields of more than ${SHOWN_MANIFEST_MAX_BYTES} bytes in all: ` +
    "shorten the longest of inputs, dependencies, maintainers and description";
  reader.refuse("", "manifest_field_too_long", message);
}

function readNameField(reader: ShapeReader, root: YamlFields): PackageName | undefined {
  const text = reader.required(root, "name", "", WORD_MAX_CHARS);
  if (text === undefined) return undefined;
  const problem = explainPackageName(text);
  if (problem !== undefined) reader.refuse("/name", "manifest_name_invalid", `"${printable(text)}" ${problem}`);
  return parsePackageName(text);
}

function readVersionField(reader: ShapeReader, root: YamlFields): Version | undefined {
  const text = reader.required(root, "version", "", WORD_MAX_CHARS);
  if (text === undefined) return undefined;
  const version = parseVersion(text);
  if (version === undefined) {
    const expected = `a Semantic Version of at most ${VERSION_MAX_CHARS} characters and numbers of at most ${Number.MAX_SAFE_INTEGER}, such as 1.0.0`;
    reader.refuse("/version", "manifest_version_invalid", `"${printable(text)}" must be ${expected}`);
  }
  return version;
}

function readMaintainers(reader: ShapeReader, root: YamlFields): Maintainer[] {
  return reader.maps(root, "maintainers", "name", LIST_MAX).map(({ fields, path }) => ({
    name: reader.word(fields, "name", path, WORD_MAX_CHARS),
    email: reader.word(fields, "email", path, WORD_MAX_CHARS),
    url: reader.link(fields, "url", path, LINK_MAX_CHARS),
  }));
}

function readDependencies(reader: ShapeReader, root: YamlFields): Dependency[] {
  return reader.maps(root, "dependencies", "name", LIST_MAX).map(({ fields, path }) => ({
    name: reader.required(fields, "name", path, WORD_MAX_CHARS) ?? "",
    version: reader.word(fields, "version", path, WORD_MAX_CHARS),
  }));
}

function readConditions(reader: ShapeReader, root: YamlFields): Conditions {
  const path = "/conditions";
  const map = reader.map(root, "conditions", "architecture");
  // The struct of the client has strings here, so a list of architectures would make it fail on
  // every machine.
  return {
    colonyOSVersion: map && reader.word(map, "colonyOSVersion", path, WORD_MAX_CHARS),
    architecture: map && reader.word(map, "architecture", path, WORD_MAX_CHARS),
  };
}

/**
 * Reads the inputs under `spec`, where a draft of the format had them. The client knows no such
 * field, so nothing that is wrong with them is a fault.
 */
function readSpecInputs(root: YamlFields): {
  readonly inputs: readonly ManifestInput[];
  readonly warnings: readonly ArchiveWarning[];
} {
  const reader = new ShapeReader();
  const node = root.get("spec");
  const spec = node?.kind === "map" ? decodeFields(node, "/spec", reader.report) : undefined;
  if (spec?.has("inputs") !== true) return { inputs: [], warnings: [] };
  const inputs = readInputs(reader, spec, "/spec");
  const isRead = reader.faults.length === 0 && !root.has("inputs");
  return { inputs: isRead ? inputs : [], warnings: [specWarning(isRead)] };
}

function readInputs(reader: ShapeReader, map: YamlFields, at: string): ManifestInput[] {
  return reader.maps(map, "inputs", "key", LIST_MAX, at).map(({ fields, path }) => ({
    key: reader.word(fields, "key", path, WORD_MAX_CHARS),
    label: reader.word(fields, "label", path, WORD_MAX_CHARS),
    type: reader.word(fields, "type", path, WORD_MAX_CHARS),
    description: reader.text(fields, "description", path, DESCRIPTION_MAX_CHARS),
    required: reader.boolean(fields, "required", path),
    default: reader.value(fields, "default", path),
    options: reader.values(fields, "options", path, LIST_MAX),
  }));
}

function readTags(reader: ShapeReader, root: YamlFields): string[] {
  const tags = new Map<string, string>();
  for (const field of ["tags", "keywords"]) {
    for (const { text, path } of reader.words(root, field, LIST_MAX, TAG_MAX_CHARS)) {
      const tag = text.trim();
      const key = tag.toLowerCase();
      // A search separates tags by commas.
      if (tag.includes(",")) reader.refuse(path, "manifest_field_invalid", "has a comma: write one tag per list entry");
      if (tag !== "" && !tags.has(key)) tags.set(key, tag);
    }
  }
  if (tags.size > TAGS_MAX) reader.refuse("/tags", "manifest_field_too_long", `has more than ${TAGS_MAX} tags`);
  return [...tags.values()];
}
