import { MERGE_TAG, resolveScalar, STRING_TAG, shortTag } from "./yaml-resolve.ts";

/**
 * A node of a document, with the tag that yaml.v3 gives it: as written (`!!int`, `!x`), or
 * resolved, or by its kind.
 */
export type YamlNode = YamlScalar | YamlList | YamlMap | YamlAlias;

/** A single value, as text. */
export interface YamlScalar {
  readonly kind: "scalar";
  readonly text: string;
  readonly tag: string;
}

/** A list. */
export interface YamlList {
  readonly kind: "list";
  readonly nodes: readonly YamlNode[];
  readonly tag: string;
}

/** A key with its value. */
export interface YamlPair {
  readonly key: YamlNode;
  readonly value: YamlNode;
}

/** A map, with its pairs in their order. Keys may occur twice. */
export interface YamlMap {
  readonly kind: "map";
  readonly pairs: readonly YamlPair[];
  readonly tag: string;
}

/** A `*name`, which stands for the node with the anchor `&name`. */
export interface YamlAlias {
  readonly kind: "alias";
  readonly name: string;
  /** The node with this anchor. Its content may contain this alias. */
  readonly target: YamlNode;
  readonly line: number;
}

/** Makes the node of a value that is left out, which is null. */
export function emptyScalar(): YamlScalar {
  return scalarOf("", "", true);
}

/** Makes a list. An empty tag is none. */
export function listOf(nodes: readonly YamlNode[], tag: string): YamlNode {
  return { kind: "list", nodes, tag: isGiven(tag) ? shortTag(tag) : "!!seq" };
}

/** Makes a map. An empty tag is none. */
export function mapOf(pairs: readonly YamlPair[], tag: string): YamlNode {
  return { kind: "map", pairs, tag: isGiven(tag) ? shortTag(tag) : "!!map" };
}

/** Makes a scalar. Without a tag, quotes make it a text. */
export function scalarOf(text: string, tag: string, isPlain: boolean): YamlScalar {
  if (isGiven(tag)) return { kind: "scalar", text, tag: shortTag(tag) };
  if (!isPlain) return { kind: "scalar", text, tag: STRING_TAG };
  return { kind: "scalar", text, tag: text === "<<" ? MERGE_TAG : resolveScalar("", text).tag };
}

/** Returns whether a tag says anything. `!` alone says as much as no tag. */
function isGiven(tag: string): boolean {
  return tag !== "" && tag !== "!";
}
