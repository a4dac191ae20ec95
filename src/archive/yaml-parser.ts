import { YAML_DEPTH_MAX } from "../domain/limits.ts";
import { printable, type YamlFaultCode } from "./archive-fault.ts";
import { tooDeep, YamlSyntaxError } from "./yaml-fault.ts";
import { emptyScalar, listOf, mapOf, scalarOf, type YamlAlias, type YamlNode, type YamlPair } from "./yaml-nodes.ts";
import { LONG_TAG_PREFIX } from "./yaml-resolve.ts";
import { YamlScanner } from "./yaml-scanner.ts";
import type { ScannedTag } from "./yaml-tags.ts";
import type { YamlToken } from "./yaml-token.ts";

/** A document that can be read. */
export interface YamlDocument {
  /** Undefined for a stream without a document, such as an empty file. */
  readonly root: YamlNode | undefined;
  readonly aliases: readonly YamlAlias[];
}

interface Properties {
  readonly anchor: string | undefined;
  readonly tag: string;
}

type TokenType = YamlToken["type"];

const NO_PROPERTIES: Properties = { anchor: undefined, tag: "" };
/** The tokens behind `-` or a key that leave the entry or the value empty. */
const ENDS_ENTRY = new Set<TokenType>(["block-entry", "block-end"]);
const ENDS_LOOSE_ENTRY = new Set<TokenType>(["block-entry", "key", "value", "block-end"]);
const ENDS_BLOCK_VALUE = new Set<TokenType>(["key", "value", "block-end"]);
const ENDS_PAIR_KEY = new Set<TokenType>(["value", "flow-entry", "flow-sequence-end"]);
const ENDS_PAIR_VALUE = new Set<TokenType>(["flow-entry", "flow-sequence-end"]);
const ENDS_FLOW_KEY = new Set<TokenType>(["value", "flow-entry", "flow-mapping-end"]);
const ENDS_FLOW_VALUE = new Set<TokenType>(["flow-entry", "flow-mapping-end"]);
const ENDS_CONTENT = new Set<TokenType>(["directive", "document-start", "document-end", "stream-end"]);

/**
 * Reads the first document of a stream, as yaml.v3's `Unmarshal` does. It follows the grammar of
 * libyaml, mistakes included. Throws `YamlSyntaxError`.
 */
export class YamlParser {
  readonly #scanner: YamlScanner;
  readonly #anchors = new Map<string, { node: YamlNode | undefined }>();
  readonly #aliases: YamlAlias[] = [];
  readonly #handles = new Map<string, string>();
  #depth = 0;

  constructor(text: string) {
    this.#scanner = new YamlScanner(text);
  }

  /** Reads the first document. */
  first(): YamlDocument {
    if (this.#type() === "stream-end") return { root: undefined, aliases: [] };
    const isExplicit = this.#type() === "directive" || this.#type() === "document-start";
    const root = isExplicit ? this.#explicitDocument() : this.#bareDocument();
    this.#skipIf("document-end");
    return { root, aliases: this.#aliases };
  }

  /** Returns whether nothing but empty documents follows. */
  isLast(): boolean {
    this.#handles.clear();
    for (;;) {
      while (this.#type() === "document-end") this.#scanner.take();
      if (this.#type() === "stream-end") return true;
      if (this.#type() !== "document-start") return false;
      this.#scanner.take();
    }
  }

  #type(): TokenType {
    return this.#scanner.peek().type;
  }

  /** Takes the next token if it has this type. */
  #skipIf(type: TokenType): boolean {
    if (this.#type() !== type) return false;
    this.#scanner.take();
    return true;
  }

  #bareDocument(): YamlNode {
    this.#defaultHandles();
    return this.#node(true, false);
  }

  #explicitDocument(): YamlNode {
    this.#readDirectives();
    if (!this.#skipIf("document-start")) throw this.#unexpected("--- must follow the lines with %", "yaml_directive");
    return ENDS_CONTENT.has(this.#type()) ? emptyScalar() : this.#node(true, false);
  }

  #readDirectives(): void {
    let hasVersion = false;
    for (let token = this.#scanner.peek(); token.type === "directive"; token = this.#scanner.peek()) {
      const { directive } = token;
      if (directive.name === "YAML") {
        if (hasVersion) throw this.#unexpected("%YAML is written twice: keep one of the two", "yaml_directive");
        if (directive.version !== "1.1")
          throw this.#unexpected("%YAML names another version than 1.1: remove the line", "yaml_directive");
        hasVersion = true;
      } else {
        if (this.#handles.has(directive.handle)) throw this.#unexpected("%TAG names a handle twice", "yaml_directive");
        this.#handles.set(directive.handle, directive.prefix);
      }
      this.#scanner.take();
    }
    this.#defaultHandles();
  }

  #defaultHandles(): void {
    if (!this.#handles.has("!")) this.#handles.set("!", "!");
    if (!this.#handles.has("!!")) this.#handles.set("!!", LONG_TAG_PREFIX);
  }

  #node(isBlock: boolean, mayBeLoose: boolean): YamlNode {
    const token = this.#scanner.peek();
    if (token.type === "alias") return this.#alias(token.name, token.line);
    const { anchor, tag } = this.#properties();
    // The node becomes known before its content, so that an alias inside can refer to it.
    const entry: { node: YamlNode | undefined } = { node: undefined };
    if (anchor !== undefined) this.#anchors.set(anchor, entry);
    const node = this.#content(tag, isBlock, mayBeLoose, anchor !== undefined);
    entry.node = node;
    return node;
  }

  #content(tag: string, isBlock: boolean, mayBeLoose: boolean, hasAnchor: boolean): YamlNode {
    const token = this.#scanner.peek();
    if (mayBeLoose && token.type === "block-entry")
      return listOf(
        this.#nested(() => this.#looseSequence()),
        tag,
      );
    if (token.type === "scalar") {
      this.#scanner.take();
      return scalarOf(token.text, tag, token.isPlain);
    }
    if (token.type === "flow-sequence-start")
      return listOf(
        this.#nested(() => this.#flowSequence()),
        tag,
      );
    if (token.type === "flow-mapping-start")
      return mapOf(
        this.#nested(() => this.#flowMapping()),
        tag,
      );
    if (isBlock && token.type === "block-sequence-start")
      return listOf(
        this.#nested(() => this.#blockSequence()),
        tag,
      );
    if (isBlock && token.type === "block-mapping-start")
      return mapOf(
        this.#nested(() => this.#blockMapping()),
        tag,
      );
    if (hasAnchor || tag !== "") return scalarOf("", tag, true);
    throw this.#unexpected("a value is missing here");
  }

  /** Reads a list or a map, unless it is too deep for what follows, which recurses. */
  #nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > YAML_DEPTH_MAX) throw tooDeep(this.#scanner.peek().line);
    const result = read();
    this.#depth -= 1;
    return result;
  }

  #alias(name: string, line: number): YamlNode {
    this.#scanner.take();
    const entry = this.#anchors.get(name);
    if (entry === undefined) {
      const message = `the alias *${printable(name, 50)} names no anchor: quote it if it is text`;
      throw new YamlSyntaxError(line, message, "yaml_alias");
    }
    // Inside of its own anchor the target is not complete yet.
    const alias: YamlAlias = {
      kind: "alias",
      name,
      line,
      get target() {
        return entry.node ?? alias;
      },
    };
    this.#aliases.push(alias);
    return alias;
  }

  #properties(): Properties {
    let { anchor, tag } = NO_PROPERTIES;
    for (let at = 0; at < 2; at += 1) {
      const token = this.#scanner.peek();
      if (token.type === "anchor" && anchor === undefined) anchor = token.name;
      else if (token.type === "tag" && tag === "") tag = this.#resolveTag(token.tag, token.line);
      else break;
      this.#scanner.take();
    }
    return { anchor, tag };
  }

  #resolveTag({ handle, suffix }: ScannedTag, line: number): string {
    if (handle === "") return suffix;
    const prefix = this.#handles.get(handle);
    if (prefix === undefined) throw new YamlSyntaxError(line, `no %TAG line names the handle ${printable(handle, 50)}`);
    return prefix + suffix;
  }

  #emptyUnless(ends: ReadonlySet<TokenType>, isBlock: boolean, mayBeLoose: boolean): YamlNode {
    return ends.has(this.#type()) ? emptyScalar() : this.#node(isBlock, mayBeLoose);
  }

  #blockSequence(): YamlNode[] {
    const nodes: YamlNode[] = [];
    this.#scanner.take();
    while (this.#skipIf("block-entry")) nodes.push(this.#emptyUnless(ENDS_ENTRY, true, false));
    if (!this.#skipIf("block-end")) throw this.#unexpected("a list goes on without - : check the indentation");
    return nodes;
  }

  /** Reads a list whose dashes are not deeper than the key above them. */
  #looseSequence(): YamlNode[] {
    const nodes: YamlNode[] = [];
    while (this.#skipIf("block-entry")) nodes.push(this.#emptyUnless(ENDS_LOOSE_ENTRY, true, false));
    return nodes;
  }

  #blockMapping(): YamlPair[] {
    const pairs: YamlPair[] = [];
    this.#scanner.take();
    while (this.#skipIf("key")) {
      const key = this.#emptyUnless(ENDS_BLOCK_VALUE, true, true);
      const value = this.#skipIf("value") ? this.#emptyUnless(ENDS_BLOCK_VALUE, true, true) : emptyScalar();
      pairs.push({ key, value });
    }
    if (!this.#skipIf("block-end")) throw this.#unexpected("a key is missing here: check the indentation");
    return pairs;
  }

  #flowSequence(): YamlNode[] {
    const nodes: YamlNode[] = [];
    this.#scanner.take();
    while (this.#type() !== "flow-sequence-end") {
      if (nodes.length > 0 && !this.#skipIf("flow-entry")) throw this.#unexpected("a list in [] needs , or ] here");
      if (this.#type() === "flow-sequence-end") break;
      nodes.push(this.#skipIf("key") ? mapOf([this.#nested(() => this.#pair())], "") : this.#node(false, false));
    }
    this.#scanner.take();
    return nodes;
  }

  /** Reads a single pair in a list, without braces around it. */
  #pair(): YamlPair {
    const isEmpty = ENDS_PAIR_KEY.has(this.#type());
    const key = isEmpty ? emptyScalar() : this.#node(false, false);
    // libyaml loses the token behind an empty key.
    if (isEmpty) this.#scanner.take();
    const value = this.#skipIf("value") ? this.#emptyUnless(ENDS_PAIR_VALUE, false, false) : emptyScalar();
    return { key, value };
  }

  #flowMapping(): YamlPair[] {
    const pairs: YamlPair[] = [];
    this.#scanner.take();
    while (this.#type() !== "flow-mapping-end") {
      if (pairs.length > 0 && !this.#skipIf("flow-entry")) throw this.#unexpected("a map in {} needs , or } here");
      if (this.#type() === "flow-mapping-end") break;
      pairs.push(this.#flowPair());
    }
    this.#scanner.take();
    return pairs;
  }

  #flowPair(): YamlPair {
    if (!this.#skipIf("key")) return { key: this.#node(false, false), value: emptyScalar() };
    const key = this.#emptyUnless(ENDS_FLOW_KEY, false, false);
    const value = this.#skipIf("value") ? this.#emptyUnless(ENDS_FLOW_VALUE, false, false) : emptyScalar();
    return { key, value };
  }

  #unexpected(message: string, code?: YamlFaultCode): YamlSyntaxError {
    return new YamlSyntaxError(this.#scanner.peek().line, message, code);
  }
}
