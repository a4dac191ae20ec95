import { printable, type YamlFaultCode } from "./archive-fault.ts";
import type { YamlMap, YamlNode, YamlPair, YamlScalar } from "./yaml-nodes.ts";
import { BINARY_TAG, MERGE_TAG, type ResolvedScalar, resolveScalar } from "./yaml-resolve.ts";

/** A value without a type of its own, suitable for JSON. */
export type YamlValue =
  | string
  | number
  | boolean
  | null
  | readonly YamlValue[]
  | { readonly [field: string]: YamlValue };

/** Collects the faults of decoding. `path` is a JSON pointer (RFC 6901). */
export type ReportFault = (path: string, code: YamlFaultCode, message: string) => void;

/** The most faults of one kind in one map. One error often causes the others. */
const DUPLICATES_MAX = 20;

/** Resolves a scalar. A text that does not have the type that its tag names is a fault. */
export function decodeScalar(node: YamlScalar, path: string, report: ReportFault): ResolvedScalar | undefined {
  if (node.tag === BINARY_TAG) return decodeBinary(node, path, report);
  const resolved = resolveScalar(node.tag, node.text);
  if (node.tag === resolved.tag) return resolved;
  report(
    path,
    "yaml_tag",
    `"${printable(node.text, 50)}" is not a valid ${node.tag}: remove the tag, or quote the text`,
  );
  return undefined;
}

function decodeBinary({ text }: YamlScalar, path: string, report: ReportFault): ResolvedScalar | undefined {
  const digits = text.replace(/[\r\n]/g, "");
  const isBase64 = digits.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(digits);
  const value = isBase64 ? utf8Of(Buffer.from(digits, "base64")) : undefined;
  if (value !== undefined) return { tag: BINARY_TAG, value };
  if (isBase64) report(path, "yaml_not_utf8", "is base64 of bytes that are not text in UTF-8: write the text itself");
  else report(path, "yaml_tag", "is not base64, which !!binary requires: write the text itself");
  return undefined;
}

function utf8Of(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Returns the text of a scalar for a field that is a text; undefined for null and for a fault. */
export function decodeText(node: YamlScalar, path: string, report: ReportFault): string | undefined {
  const resolved = decodeScalar(node, path, report);
  if (resolved === undefined || resolved.value === null) return undefined;
  return node.tag === BINARY_TAG ? String(resolved.value) : node.text;
}

/**
 * Returns the fields of a map as yaml.v3 reads them into a struct: null keys are ignored, merged
 * fields (`<<`) do not replace others. Duplicate keys and keys that are not text are faults.
 */
export function decodeFields(map: YamlMap, path: string, report: ReportFault): ReadonlyMap<string, YamlNode> {
  const fields = new Map<string, YamlNode>();
  collectFields(map, path, report, fields, false);
  return fields;
}

function collectFields(
  map: YamlMap,
  path: string,
  report: ReportFault,
  fields: Map<string, YamlNode>,
  isMerged: boolean,
): void {
  const hasDuplicates = reportDuplicates(map, path, report);
  for (const { key, value } of map.pairs) {
    if (isMergeKey(key)) continue;
    const name = keyText(key, path, report);
    if (name === undefined) continue;
    if (!fields.has(name)) fields.set(name, value);
    else if (!isMerged && !hasDuplicates)
      report(pointer(path, name), "yaml_duplicate_key", "is set twice: keep one of the two");
  }
  for (const { key, value } of map.pairs) {
    if (!isMergeKey(key)) continue;
    for (const merged of mergedMaps(value, path, report)) collectFields(merged, path, report, fields, true);
  }
}

function keyText(key: YamlNode, path: string, report: ReportFault): string | undefined {
  if (key.kind === "scalar") return decodeText(key, path, report);
  if (key.kind === "alias") return keyText(key.target, path, report);
  report(path, "yaml_invalid", `has a key that is a ${key.kind}: write keys as text`);
  return undefined;
}

/** yaml.v3 compares keys as they are written, and takes all keys that are lists for the same. */
function reportDuplicates({ pairs }: YamlMap, path: string, report: ReportFault): boolean {
  const seen = new Set<string>();
  let duplicates = 0;
  for (const { key } of pairs) {
    const text = key.kind === "scalar" ? key.text : key.kind === "alias" ? key.name : "";
    const id = `${key.kind} ${text}`;
    if (seen.has(id) && duplicates++ < DUPLICATES_MAX) {
      report(pointer(path, text), "yaml_duplicate_key", "is set twice: keep one of the two");
    }
    seen.add(id);
  }
  return duplicates > 0;
}

function isMergeKey(key: YamlNode): boolean {
  return key.kind === "scalar" && key.text === "<<" && key.tag === MERGE_TAG;
}

function mergedMaps(value: YamlNode, path: string, report: ReportFault): YamlMap[] {
  const nodes = value.kind === "list" ? value.nodes : [value];
  const maps: YamlMap[] = [];
  for (const node of nodes) {
    const target = node.kind === "alias" ? node.target : node;
    if (target.kind === "map") maps.push(target);
    else report(path, "yaml_merge_key", "has a merge key (<<) whose value is not a map: write the fields out");
  }
  return maps;
}

/** Reports what yaml.v3 would refuse in a value of any type, wherever it is in there. */
export function checkValue(node: YamlNode, path: string, report: ReportFault): void {
  checkNode(node, path, { report, done: new Set(), open: new Set() });
}

interface Check {
  readonly report: ReportFault;
  /** Nodes behind an alias that were checked. An alias may be used any number of times. */
  readonly done: Set<YamlNode>;
  readonly open: Set<YamlNode>;
}

function checkNode(node: YamlNode, path: string, check: Check): void {
  if (node.kind === "scalar") decodeScalar(node, path, check.report);
  else if (node.kind === "list") {
    for (const [index, child] of node.nodes.entries()) checkNode(child, `${path}/${index}`, check);
  } else if (node.kind === "map") checkMap(node, path, check);
  else checkAlias(node.target, node.name, path, check);
}

function checkAlias(target: YamlNode, name: string, path: string, check: Check): void {
  if (check.open.has(target) || target.kind === "alias") {
    check.report(path, "yaml_alias", `has the alias *${printable(name, 50)} inside of its own anchor`);
  }
  if (check.done.has(target) || check.open.has(target) || target.kind === "alias") return;
  check.open.add(target);
  checkNode(target, path, check);
  check.open.delete(target);
  check.done.add(target);
}

function checkMap(map: YamlMap, path: string, check: Check): void {
  if (reportDuplicates(map, path, check.report)) return;
  for (const { key, value } of map.pairs) checkPair({ key, value }, path, check);
}

function checkPair({ key, value }: YamlPair, path: string, check: Check): void {
  if (isMergeKey(key)) {
    for (const merged of mergedMaps(value, path, check.report)) checkAliasable(merged, path, check);
    return;
  }
  const target = key.kind === "alias" ? key.target : key;
  if (target.kind !== "scalar") {
    check.report(path, "yaml_invalid", `has a key that is a ${target.kind}: write keys as text`);
    return;
  }
  decodeScalar(target, path, check.report);
  checkNode(value, pointer(path, target.text), check);
}

function checkAliasable(map: YamlMap, path: string, check: Check): void {
  if (!check.done.has(map)) checkAlias(map, "", path, check);
}

/** Returns a value that was checked, for JSON. It must not contain aliases. */
export function toValue(node: YamlNode): YamlValue {
  switch (node.kind) {
    case "scalar":
      return decodeScalar(node, "", () => undefined)?.value ?? null;
    case "list":
      return node.nodes.map(toValue);
    case "map":
      // `fromEntries` defines own properties, so a field named __proto__ stays a field.
      return Object.fromEntries(valueFields(node).map(([field, value]) => [field, toValue(value)]));
    case "alias":
      return null;
  }
}

function valueFields(map: YamlMap): [string, YamlNode][] {
  const fields = new Map<string, YamlNode>();
  const merged: YamlMap[] = [];
  for (const { key, value } of map.pairs) {
    if (isMergeKey(key)) merged.push(...mergedMaps(value, "", () => undefined));
    else if (key.kind === "scalar") fields.set(decodeText(key, "", () => undefined) ?? "null", value);
  }
  for (const other of merged) {
    for (const [field, value] of valueFields(other)) if (!fields.has(field)) fields.set(field, value);
  }
  return [...fields];
}

function pointer(path: string, field: string): string {
  return `${path}/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
