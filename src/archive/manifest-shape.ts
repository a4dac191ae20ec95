import { isHttpLink } from "../domain/http-link.ts";
import type { ArchiveFault, ArchiveFaultCode } from "./archive-fault.ts";
import {
  checkValue,
  decodeFields,
  decodeScalar,
  decodeText,
  type ReportFault,
  toValue,
  type YamlValue,
} from "./yaml-decode.ts";
import type { YamlNode, YamlScalar } from "./yaml-nodes.ts";
import { NULL_TAG } from "./yaml-resolve.ts";

const CONTROL_CHARACTER = /\p{Cc}/u;
/** SQLite and Postgres cannot both store NUL, and many programs end a text at it. */
const NUL = "\0";
const TRUE_WORDS = new Set(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]);
const FALSE_WORDS = new Set(["n", "N", "no", "No", "NO", "off", "Off", "OFF"]);

/** The fields of a map by their names. */
export type YamlFields = ReadonlyMap<string, YamlNode>;

interface PlacedFields {
  readonly fields: YamlFields;
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
  readonly report: ReportFault = (path, code, message) => this.refuse(path, code, message);

  refuse(path: string, code: ArchiveFaultCode, message: string): void {
    this.faults.push({ path, code, message });
  }

  /** Reads the fields of the document itself. */
  root(node: YamlNode | undefined): YamlFields | undefined {
    if (node?.kind === "map") return decodeFields(node, "", this.report);
    this.refuse("", "manifest_wrong_type", "must be a map of fields such as name: and version:");
    return undefined;
  }

  /** Reads a text that may have several lines. */
  text(map: YamlFields, field: string, at: string, maxChars: number): string | undefined {
    return this.#scalar(map.get(field), `${at}/${field}`, maxChars);
  }

  /** Reads a text of one line. The line breaks at the end of a folded text are not part of it. */
  word(map: YamlFields, field: string, at: string, maxChars: number): string | undefined {
    const path = `${at}/${field}`;
    return this.#oneLine(this.#scalar(map.get(field), path, maxChars)?.replace(/\n+$/, ""), path);
  }

  /**
   * Reads an http or https link. White space around it is not part of it. Any other text is left
   * out, but is no fault.
   */
  link(map: YamlFields, field: string, at: string, maxChars: number): string | undefined {
    const path = `${at}/${field}`;
    const node = map.get(field);
    if (node?.kind === "map" || node?.kind === "list") {
      this.refuse(path, "manifest_wrong_type", `must be a link as text, such as ${field}: https://example.org/x`);
      return undefined;
    }
    const text = this.#oneLine(this.#scalar(node, path, maxChars)?.trim(), path);
    if (text === undefined || text === "" || isHttpLink(text)) return text || undefined;
    this.linksLeftOut.push(path);
    return undefined;
  }

  /** Reads a text of one line that is required and must not be empty. */
  required(map: YamlFields, field: string, at: string, maxChars: number): string | undefined {
    const path = `${at}/${field}`;
    const node = map.get(field);
    const before = this.faults.length;
    const text = this.#word(node, path, maxChars);
    if (text !== undefined && text !== "") return text;
    if (this.faults.length === before) {
      this.refuse(path, "manifest_field_missing", `is required: add ${field}: to the manifest`);
    }
    return undefined;
  }

  /** Reads a boolean by the rule of yaml.v3; false if absent. */
  boolean(map: YamlFields, field: string, at: string): boolean {
    const path = `${at}/${field}`;
    const node = this.#present(map.get(field), path);
    if (node === undefined) return false;
    const value = node.kind === "scalar" ? this.#flag(node, path) : undefined;
    if (value === undefined) this.refuse(path, "manifest_wrong_type", "must be true or false, without quotes");
    return value ?? false;
  }

  /** Reads a map in a field of the document itself. `example` is one of its fields. */
  map(root: YamlFields, field: string, example: string): YamlFields | undefined {
    const path = `/${field}`;
    const node = this.#present(root.get(field), path);
    if (node === undefined) return undefined;
    if (node.kind === "map") return decodeFields(node, path, this.report);
    this.refuse(path, "manifest_wrong_type", `must be a map of fields, such as ${field}: {${example}: ...}`);
    return undefined;
  }

  /**
   * Reads a list of maps in a field. Null entries are dropped, as yaml.v3 does. `example` is a
   * field of such a map.
   */
  maps(root: YamlFields, field: string, example: string, max: number, at = ""): PlacedFields[] {
    const found: PlacedFields[] = [];
    this.#list(root, field, at, max, `${field}: [{${example}: a}]`).forEach((entry, index) => {
      const path = `${at}/${field}/${index}`;
      const node = this.#present(entry, path);
      if (node?.kind === "map") found.push({ fields: decodeFields(node, path, this.report), path });
      else if (node !== undefined)
        this.refuse(path, "manifest_wrong_type", `must be a map of fields, such as ${example}: ...`);
    });
    return found;
  }

  /** Reads a list of one-line texts in a field of the document itself. Null entries are dropped. */
  words(root: YamlFields, field: string, max: number, maxChars: number): PlacedText[] {
    const found: PlacedText[] = [];
    this.#list(root, field, "", max, `${field}: [a, b]`).forEach((node, index) => {
      const path = `/${field}/${index}`;
      const text = this.#word(node, path, maxChars);
      if (text !== undefined) found.push({ text, path });
    });
    return found;
  }

  /** Reads a list of any values. Scalars are texts. Null entries are dropped. */
  values(map: YamlFields, field: string, at: string, max: number): YamlValue[] {
    const found: YamlValue[] = [];
    this.#list(map, field, at, max, `${field}: [a, b]`).forEach((node, index) => {
      const path = `${at}/${field}/${index}`;
      const value = node.kind === "scalar" ? decodeText(node, path, this.report) : this.#any(node, path);
      if (value !== undefined) found.push(value);
    });
    return found;
  }

  /** Reads any value, numbers and booleans as such; `undefined` if absent or null. */
  value(map: YamlFields, field: string, at: string): YamlValue | undefined {
    const path = `${at}/${field}`;
    const node = this.#present(map.get(field), path);
    return node === undefined ? undefined : this.#any(node, path);
  }

  #any(node: YamlNode, path: string): YamlValue {
    const before = this.faults.length;
    checkValue(node, path, this.report);
    if (this.faults.length > before) return null;
    const value = toValue(node);
    if (JSON.stringify(value).includes("\\u0000")) {
      this.refuse(path, "yaml_control_character", "has an escape for NUL: remove it");
    }
    return value;
  }

  #list(map: YamlFields, field: string, at: string, max: number, form: string): readonly YamlNode[] {
    const path = `${at}/${field}`;
    const node = this.#present(map.get(field), path);
    if (node === undefined) return [];
    if (node.kind !== "list") {
      this.refuse(path, "manifest_wrong_type", `must be a list, such as ${form}`);
      return [];
    }
    if (node.nodes.length <= max) return node.nodes;
    this.refuse(path, "manifest_field_too_long", `has more than ${max} entries`);
    return node.nodes.slice(0, max);
  }

  #word(node: YamlNode | undefined, path: string, maxChars: number): string | undefined {
    return this.#oneLine(this.#scalar(node, path, maxChars), path);
  }

  #oneLine(text: string | undefined, path: string): string | undefined {
    if (text !== undefined && CONTROL_CHARACTER.test(text)) {
      this.refuse(path, "manifest_field_invalid", "must be one line without control characters");
    }
    return text;
  }

  #scalar(node: YamlNode | undefined, path: string, maxChars: number): string | undefined {
    if (node === undefined) return undefined;
    if (node.kind !== "scalar") {
      this.refuse(path, "manifest_wrong_type", `must be a text, not a ${node.kind}`);
      return undefined;
    }
    const text = decodeText(node, path, this.report);
    if (text?.includes(NUL) === true) this.refuse(path, "yaml_control_character", "has an escape for NUL: remove it");
    if (text === undefined || text.length <= maxChars) return text;
    this.refuse(path, "manifest_field_too_long", `is longer than ${maxChars} characters`);
    return undefined;
  }

  #flag(node: YamlScalar, path: string): boolean | undefined {
    const value = decodeScalar(node, path, this.report)?.value;
    if (typeof value === "boolean") return value;
    if (typeof value !== "string") return undefined;
    return TRUE_WORDS.has(value) ? true : FALSE_WORDS.has(value) ? false : undefined;
  }

  /** Returns a node that is not null. */
  #present(node: YamlNode | undefined, path: string): YamlNode | undefined {
    if (node?.kind !== "scalar" || node.tag !== NULL_TAG) return node;
    decodeScalar(node, path, this.report);
    return undefined;
  }
}
