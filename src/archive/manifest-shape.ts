import { isHttpLink } from "../domain/http-link.ts";
import type { ArchiveFault, ManifestFaultCode } from "./archive-fault.ts";
import { readBoolean, type YamlMap, type YamlNode } from "./yaml.ts";

/** A value without a type of its own, suitable for JSON. Scalars are the text that was written. */
export type ManifestValue = string | null | readonly ManifestValue[] | { readonly [field: string]: ManifestValue };

const CONTROL_CHARACTER = /\p{Cc}/u;

interface PlacedMap {
  readonly map: YamlMap;
  readonly path: string;
}

interface PlacedText {
  readonly text: string;
  readonly path: string;
}

/**
 * Reads fields of a document in the shape into which yaml.v3 would decode them, and collects a
 * fault for each field of another shape. `at` is the JSON pointer of the map that a field is in. An
 * absent or null field is no fault.
 */
export class ShapeReader {
  readonly faults: ArchiveFault[] = [];
  /** The paths of links that are left out. */
  readonly linksLeftOut: string[] = [];

  refuse(path: string, code: ManifestFaultCode, message: string): void {
    this.faults.push({ path, code, message });
  }

  /** Reads a text that may have several lines. */
  text(map: YamlMap, field: string, at: string, maxChars: number): string | undefined {
    return this.#scalar(map.fields.get(field), `${at}/${field}`, maxChars);
  }

  /** Reads a text of one line. */
  word(map: YamlMap, field: string, at: string, maxChars: number): string | undefined {
    return this.#word(map.fields.get(field), `${at}/${field}`, maxChars);
  }

  /** Reads an http or https link. Any other text is left out, but is no fault. */
  link(map: YamlMap, field: string, at: string, maxChars: number): string | undefined {
    const text = this.word(map, field, at, maxChars);
    if (text === undefined || text === "" || isHttpLink(text)) return text || undefined;
    this.linksLeftOut.push(`${at}/${field}`);
    return undefined;
  }

  /** Reads a text of one line that is required and must not be empty. */
  required(map: YamlMap, field: string, at: string, maxChars: number): string | undefined {
    const node = map.fields.get(field);
    const text = this.#word(node, `${at}/${field}`, maxChars);
    const absent = node === undefined || node.kind === "null" || text === "";
    if (absent) this.refuse(`${at}/${field}`, "manifest_field_missing", `is required: add ${field}: to the manifest`);
    return text === "" ? undefined : text;
  }

  /** Reads a boolean by the rule of yaml.v3; false if absent. */
  boolean(map: YamlMap, field: string, at: string): boolean {
    const node = map.fields.get(field);
    if (node === undefined || node.kind === "null") return false;
    const value = node.kind === "scalar" ? readBoolean(node) : undefined;
    if (value === undefined)
      this.refuse(`${at}/${field}`, "manifest_wrong_type", "must be true or false, without quotes");
    return value ?? false;
  }

  /** Reads a map in a field of the document itself. */
  map(root: YamlMap, field: string): YamlMap | undefined {
    const node = root.fields.get(field);
    if (node === undefined || node.kind === "null") return undefined;
    if (node.kind === "map") return node;
    this.refuse(`/${field}`, "manifest_wrong_type", "must be a map of fields");
    return undefined;
  }

  /**
   * Reads a list of maps in a field of the document itself. Null entries are dropped, as yaml.v3
   * does.
   */
  maps(root: YamlMap, field: string, max: number): PlacedMap[] {
    const found: PlacedMap[] = [];
    this.#list(root, field, "", max).forEach((node, index) => {
      const path = `/${field}/${index}`;
      if (node.kind === "map") found.push({ map: node, path });
      else if (node.kind !== "null")
        this.refuse(path, "manifest_wrong_type", "must be a map of fields, such as name: ...");
    });
    return found;
  }

  /** Reads a list of one-line texts in a field of the document itself. Null entries are dropped. */
  words(root: YamlMap, field: string, max: number, maxChars: number): PlacedText[] {
    const found: PlacedText[] = [];
    this.#list(root, field, "", max).forEach((node, index) => {
      const path = `/${field}/${index}`;
      const text = this.#word(node, path, maxChars);
      if (text !== undefined) found.push({ text, path });
    });
    return found;
  }

  /** Reads a list of any values. Null entries are dropped. */
  values(map: YamlMap, field: string, at: string, max: number): ManifestValue[] {
    return this.#list(map, field, at, max)
      .filter((node) => node.kind !== "null")
      .map(toValue);
  }

  /** Reads any value; `undefined` if absent or null. */
  value(map: YamlMap, field: string): ManifestValue | undefined {
    const node = map.fields.get(field);
    return node === undefined || node.kind === "null" ? undefined : toValue(node);
  }

  #list(map: YamlMap, field: string, at: string, max: number): readonly YamlNode[] {
    const node = map.fields.get(field);
    const path = `${at}/${field}`;
    if (node === undefined || node.kind === "null") return [];
    if (node.kind !== "list") {
      this.refuse(path, "manifest_wrong_type", "must be a list: write each entry on a line of its own after a dash");
      return [];
    }
    if (node.nodes.length <= max) return node.nodes;
    this.refuse(path, "manifest_field_too_long", `has more than ${max} entries`);
    return node.nodes.slice(0, max);
  }

  #word(node: YamlNode | undefined, path: string, maxChars: number): string | undefined {
    const text = this.#scalar(node, path, maxChars);
    if (text !== undefined && CONTROL_CHARACTER.test(text)) {
      this.refuse(path, "manifest_field_invalid", "must be one line without control characters");
    }
    return text;
  }

  #scalar(node: YamlNode | undefined, path: string, maxChars: number): string | undefined {
    if (node === undefined || node.kind === "null") return undefined;
    if (node.kind !== "scalar") {
      this.refuse(path, "manifest_wrong_type", `must be a text, not a ${node.kind}`);
      return undefined;
    }
    if (node.text.length <= maxChars) return node.text;
    this.refuse(path, "manifest_field_too_long", `is longer than ${maxChars} characters`);
    return undefined;
  }
}

function toValue(node: YamlNode): ManifestValue {
  switch (node.kind) {
    case "scalar":
      return node.text;
    case "null":
      return null;
    case "list":
      return node.nodes.map(toValue);
    case "map":
      // `fromEntries` defines own properties, so a field named __proto__ stays a field.
      return Object.fromEntries([...node.fields].map(([field, value]) => [field, toValue(value)]));
  }
}
