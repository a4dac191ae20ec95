import { YAML_DEPTH_MAX, YAML_TOKENS_MAX } from "../domain/limits.ts";
import { scanBlockScalar } from "./yaml-block-scalar.ts";
import { skipComments, skipLineComment } from "./yaml-comments.ts";
import { YamlCursor } from "./yaml-cursor.ts";
import { tooDeep, YamlSyntaxError } from "./yaml-fault.ts";
import { scanPlain, scanQuoted } from "./yaml-scalars.ts";
import { SimpleKeys } from "./yaml-simple-keys.ts";
import { scanAnchor, scanDirective, scanTag } from "./yaml-tags.ts";
import type { YamlMark, YamlToken } from "./yaml-token.ts";

const TAB = 0x09;
const SPACE = 0x20;
const LOOK_AHEAD_TOKENS = 3;
/** No plain scalar begins with these, except for - ? and : where no blank follows. */
const INDICATORS = new Set("-?:,[]{}#&*!|>'\"%@`");

/**
 * Cuts a document into tokens by the rules of libyaml, which yaml.v3 contains. They differ from
 * those of YAML 1.2 in many places.
 */
export class YamlScanner {
  readonly #cursor: YamlCursor;
  readonly #tokens: YamlToken[] = [];
  #taken = 0;
  #indent = -1;
  readonly #indents: number[] = [];
  readonly #keys: SimpleKeys;
  #mayBeginKey = true;
  readonly #scanners: ReadonlyMap<string, () => void> = new Map([
    ["[", () => this.#beginFlow("flow-sequence-start")],
    ["{", () => this.#beginFlow("flow-mapping-start")],
    ["]", () => this.#endFlow("flow-sequence-end")],
    ["}", () => this.#endFlow("flow-mapping-end")],
    [",", () => this.#mark("flow-entry", true)],
    ["*", () => this.#property(({ line }) => ({ type: "alias", name: scanAnchor(this.#cursor), line }))],
    ["&", () => this.#property(({ line }) => ({ type: "anchor", name: scanAnchor(this.#cursor), line }))],
    ["!", () => this.#property(({ line }) => ({ type: "tag", tag: scanTag(this.#cursor), line }))],
    ["'", () => this.#property((cursor) => this.#quoted(cursor))],
    ['"', () => this.#property((cursor) => this.#quoted(cursor))],
  ]);

  constructor(text: string) {
    this.#cursor = new YamlCursor(text);
    this.#keys = new SimpleKeys(this.#cursor);
  }

  /** Returns the next token without taking it. After the end it is the end of the stream again. */
  peek(): YamlToken {
    while (this.#needsMore() || this.#keys.mayBecomeKey(this.#taken)) this.#scanToken();
    const token = this.#tokens[this.#taken];
    if (token === undefined) throw new Error("the scanner made no token");
    return token;
  }

  /** Takes the next token. */
  take(): YamlToken {
    const token = this.peek();
    if (token.type !== "stream-end") this.#taken += 1;
    return token;
  }

  /**
   * yaml.v3 reads ahead, so it refuses a document with anything but YAML directly after it.
   */
  #needsMore(): boolean {
    return this.#tokens.length < this.#taken + LOOK_AHEAD_TOKENS && this.#tokens.at(-1)?.type !== "stream-end";
  }

  get #isFlow(): boolean {
    return this.#keys.flowDepth > 0;
  }

  #scanToken(): void {
    const cursor = this.#cursor;
    this.#skipToToken();
    this.#closeIndents(cursor.column);
    if (cursor.isEnd()) this.#endStream();
    else if (cursor.column === 0 && cursor.at() === 0x25) this.#beginLine(() => this.#scanDirective());
    else if (cursor.isDocumentMark()) this.#beginLine(() => this.#scanDocumentMark());
    else {
      this.#scanContent(String.fromCharCode(cursor.at()));
      if (this.#tokens.at(-1)?.type !== "block-entry") skipLineComment(cursor);
    }
    if (this.#tokens.length > YAML_TOKENS_MAX) {
      const message = `the document has more than ${YAML_TOKENS_MAX} keys, values and marks: shorten it`;
      throw new YamlSyntaxError(cursor.line, message, "yaml_too_complex");
    }
  }

  #scanContent(char: string): void {
    const cursor = this.#cursor;
    const isLoose = cursor.isBlankOrEnd(1);
    const scan = this.#scanners.get(char);
    if (scan !== undefined) scan();
    else if (char === "-" && isLoose) this.#scanEntry();
    else if (char === "?" && (this.#isFlow || isLoose)) this.#scanKey();
    else if (char === ":" && (this.#isFlow || isLoose)) this.#scanValue();
    else if ((char === "|" || char === ">") && !this.#isFlow) this.#scanBlockScalar(char === "|");
    else if (this.#mayBeginPlain(char)) this.#property((place) => this.#plain(place));
    else throw new YamlSyntaxError(cursor.line, explainCharacter(char));
  }

  #mayBeginPlain(char: string): boolean {
    if (this.#cursor.isBlank()) return false;
    return char === "-" || (!this.#isFlow && (char === "?" || char === ":")) || !INDICATORS.has(char);
  }

  #skipToToken(): void {
    const cursor = this.#cursor;
    for (;;) {
      const mayTab = this.#isFlow || !this.#mayBeginKey;
      while (cursor.at() === SPACE || (mayTab && cursor.at() === TAB)) cursor.skip();
      if (cursor.at() === 0x23) skipComments(cursor);
      if (!cursor.isBreak()) return;
      cursor.skipBreak();
      if (!this.#isFlow) this.#mayBeginKey = true;
    }
  }

  #saveKey(): void {
    if (!this.#mayBeginKey) return;
    this.#keys.save(this.#tokens.length, !this.#isFlow && this.#indent === this.#cursor.column);
  }

  #openIndent(
    column: number,
    type: "block-sequence-start" | "block-mapping-start",
    line: number,
    tokenIndex = this.#tokens.length,
  ): void {
    if (this.#isFlow || this.#indent >= column) return;
    this.#indents.push(this.#indent);
    this.#indent = column;
    if (this.#indents.length > YAML_DEPTH_MAX) throw tooDeep(line);
    this.#tokens.splice(tokenIndex, 0, { type, line });
  }

  #closeIndents(column: number): void {
    if (this.#isFlow) return;
    while (this.#indent > column) {
      this.#tokens.push({ type: "block-end", line: this.#cursor.line });
      this.#indent = this.#indents.pop() ?? -1;
    }
  }

  #endStream(): void {
    // Nothing before the end is on its line, so nothing there can become a key.
    if (this.#cursor.column !== 0) {
      this.#cursor.column = 0;
      this.#cursor.line += 1;
    }
    this.#closeIndents(-1);
    this.#keys.drop();
    this.#mayBeginKey = false;
    this.#tokens.push({ type: "stream-end", line: this.#cursor.line });
  }

  #beginLine(scan: () => void): void {
    this.#closeIndents(-1);
    this.#keys.drop();
    this.#mayBeginKey = false;
    scan();
  }

  #scanDirective(): void {
    const { line } = this.#cursor;
    this.#tokens.push({ type: "directive", directive: scanDirective(this.#cursor), line });
  }

  #scanDocumentMark(): void {
    const { line } = this.#cursor;
    const type = this.#cursor.at() === 0x2d ? "document-start" : "document-end";
    for (let at = 0; at < 3; at += 1) this.#cursor.skip();
    this.#tokens.push({ type, line });
  }

  #beginFlow(type: "flow-sequence-start" | "flow-mapping-start"): void {
    this.#saveKey();
    this.#keys.openFlow(this.#tokens.length);
    if (this.#keys.flowDepth > YAML_DEPTH_MAX) throw tooDeep(this.#cursor.line);
    this.#mayBeginKey = true;
    this.#push(type);
  }

  #endFlow(type: "flow-sequence-end" | "flow-mapping-end"): void {
    this.#keys.drop();
    this.#keys.closeFlow();
    this.#mayBeginKey = false;
    this.#push(type);
  }

  #mark(type: YamlMark, mayBeginKey: boolean): void {
    this.#keys.drop();
    this.#mayBeginKey = mayBeginKey;
    this.#push(type);
  }

  #push(type: YamlMark): void {
    this.#tokens.push({ type, line: this.#cursor.line });
    this.#cursor.skip();
  }

  /** Scans what may be a key or stand before one. */
  #property(scan: (cursor: YamlCursor) => YamlToken): void {
    this.#saveKey();
    this.#mayBeginKey = false;
    this.#tokens.push(scan(this.#cursor));
  }

  #quoted(cursor: YamlCursor): YamlToken {
    const { line } = cursor;
    return { type: "scalar", text: scanQuoted(cursor), isPlain: false, line };
  }

  #plain(cursor: YamlCursor): YamlToken {
    const { line } = cursor;
    const { text, isBroken } = scanPlain(cursor, this.#indent + 1, this.#isFlow);
    if (isBroken) this.#mayBeginKey = true;
    return { type: "scalar", text, isPlain: true, line };
  }

  #scanBlockScalar(isLiteral: boolean): void {
    this.#keys.drop();
    this.#mayBeginKey = true;
    const { line } = this.#cursor;
    const text = scanBlockScalar(this.#cursor, isLiteral, this.#indent);
    this.#tokens.push({ type: "scalar", text, isPlain: false, line });
  }

  #scanEntry(): void {
    if (!this.#isFlow) this.#openBlock("block-sequence-start", "a list entry (-)");
    this.#mark("block-entry", true);
  }

  #scanKey(): void {
    if (!this.#isFlow) this.#openBlock("block-mapping-start", "a key (?)");
    this.#mark("key", !this.#isFlow);
  }

  #openBlock(type: "block-sequence-start" | "block-mapping-start", what: string): void {
    const { line, column } = this.#cursor;
    if (!this.#mayBeginKey)
      throw new YamlSyntaxError(line, `${what} cannot stand here: begin a line with it, or quote it`);
    this.#openIndent(column, type, line);
  }

  #scanValue(): void {
    const key = this.#keys.take();
    if (key !== undefined) {
      // yaml.v3 puts the marks here when it gave the key to the parser already.
      const isLate = key.tokenIndex < this.#taken;
      this.#tokens.splice(isLate ? this.#tokens.length : key.tokenIndex, 0, { type: "key", line: key.line });
      this.#openIndent(key.column, "block-mapping-start", key.line, isLate ? this.#tokens.length : key.tokenIndex);
      this.#mayBeginKey = false;
    } else {
      if (!this.#isFlow) this.#openBlock("block-mapping-start", "a value (:)");
      this.#mayBeginKey = !this.#isFlow;
    }
    this.#push("value");
  }
}

function explainCharacter(char: string): string {
  if (char === "\t") return "a tab stands where only spaces may indent: use spaces";
  return `a value cannot begin with ${char}: quote it`;
}
