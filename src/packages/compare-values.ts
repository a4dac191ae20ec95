import { readFirstYaml } from "../archive/yaml.ts";
import type { YamlMap, YamlNode } from "../archive/yaml-nodes.ts";
import { VALUES_CHECK_MAX_BYTES } from "../domain/limits.ts";

/** One thing that two versions have differently. */
export interface Change {
  readonly what: string;
  /** How it was; undefined for what was added. */
  readonly from: string | undefined;
  /** How it is; undefined for what was removed. */
  readonly to: string | undefined;
}

/** Returns what differs between two sets of named texts, in the order of the newer one. */
export function changesOf(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): Change[] {
  const removed = [...from.keys()].filter((what) => !to.has(what));
  return [...to.keys(), ...removed]
    .map((what) => ({ what, from: from.get(what), to: to.get(what) }))
    .filter((change) => change.from !== change.to);
}

const keyOf = (node: YamlNode) => (node.kind === "scalar" ? node.text : textOf(node));

/** Writes a value on one line. An alias stays an alias, so the text is no longer than its source. */
function textOf(node: YamlNode): string {
  if (node.kind === "alias") return `*${node.name}`;
  if (node.kind === "list") return `[${node.nodes.map(textOf).join(", ")}]`;
  if (node.kind === "map")
    return `{${node.pairs.map(({ key, value }) => `${keyOf(key)}: ${textOf(value)}`).join(", ")}}`;
  if (node.tag === "!!null") return "null";
  return node.tag === "!!str" ? JSON.stringify(node.text) : node.text;
}

function addValues(map: YamlMap, prefix: string, values: Map<string, string>): void {
  for (const { key, value } of map.pairs) {
    const path = prefix === "" ? keyOf(key) : `${prefix}.${keyOf(key)}`;
    if (value.kind === "map" && value.pairs.length > 0) addValues(value, path, values);
    else values.set(path, textOf(value));
  }
}

/** Reads values by their paths, such as `database.port`. Undefined for a text that is no map. */
function valuesOf(text: string | null): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  if (text === null) return values;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > VALUES_CHECK_MAX_BYTES) return undefined;
  const { root, faults } = readFirstYaml(bytes);
  if (faults.length > 0) return undefined;
  if (root?.kind === "map") addValues(root, "", values);
  return values;
}

/**
 * Compares two texts of `values.yaml` by their values, whatever their order and comments. Undefined
 * if one of them cannot be read. `null` is a version without values.
 */
export function compareValues(from: string | null, to: string | null): readonly Change[] | undefined {
  const [before, after] = [valuesOf(from), valuesOf(to)];
  return before === undefined || after === undefined ? undefined : changesOf(before, after);
}
