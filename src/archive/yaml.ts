import { Composer, CST, isMap, isScalar, isSeq, Lexer, type ParsedNode, Parser, Scalar } from "yaml";
import { YAML_DEPTH_MAX, YAML_TOKENS_MAX } from "../domain/limits.ts";
import { type ArchiveFault, printable, type YamlFaultCode } from "./archive-fault.ts";

/**
 * A node of a document. Scalars are text, because the type of a plain scalar depends on the field
 * that it is read into.
 */
export type YamlNode = YamlScalar | YamlNull | YamlList | YamlMap;

/** A scalar: its text without quotes, with escapes resolved. */
export interface YamlScalar {
  readonly kind: "scalar";
  readonly text: string;
  /** False for quoted and block scalars, which are always text. */
  readonly plain: boolean;
}

/**
 * A plain `~`, `null`, `Null`, `NULL` or nothing. The field keeps its zero value, as if it were
 * absent.
 */
export interface YamlNull {
  readonly kind: "null";
}

/** A sequence, in the order of the document. */
export interface YamlList {
  readonly kind: "list";
  readonly nodes: readonly YamlNode[];
}

/** A mapping. Its keys are scalars, and no key occurs twice. */
export interface YamlMap {
  readonly kind: "map";
  readonly fields: ReadonlyMap<string, YamlNode>;
}

/**
 * The result of reading a document. The `path` of a fault is a JSON pointer (RFC 6901), empty for
 * the document as a whole.
 */
export interface YamlReading {
  /** Present if there are no faults. An empty document is a null node. */
  readonly root?: YamlNode;
  /** The document's text, without a byte order mark; empty when it is not UTF-8. */
  readonly text: string;
  readonly faults: readonly ArchiveFault[];
}

/** The most faults that are listed for one document. One error often causes the others. */
const FAULTS_MAX = 20;

const NULL_NODE: YamlNull = { kind: "null" };
const NULL_TEXTS = new Set(["", "~", "null", "Null", "NULL"]);
const TRUE_TEXTS = new Set(["true", "True", "TRUE"]);
const FALSE_TEXTS = new Set(["false", "False", "FALSE"]);
const TRUE_WORDS = new Set(["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"]);
const FALSE_WORDS = new Set(["n", "N", "no", "No", "NO", "off", "Off", "OFF"]);

/**
 * The characters that the reader of yaml.v3 refuses, and the line ends of YAML 1.1 that yaml.v3
 * knows but the `yaml` package does not: NEL, LS, PS and a lone CR. With those, the two readers
 * would see two different manifests.
 */
const FORBIDDEN_CHARACTER =
  /[^\t\n\r\x20-\x7e\u{a0}-\u{2027}\u{202a}-\u{d7ff}\u{e000}-\u{fefe}\u{ff00}-\u{fffd}\u{10000}-\u{10ffff}]|\r(?!\n)/u;

/**
 * Reads one YAML document as Go's yaml.v3 decodes it into a struct, without what a manifest does
 * not need: aliases, anchors, tags, merge keys and directives are faults. Never throws. Time and
 * memory are proportional to `bytes`.
 */
export function readYaml(bytes: Uint8Array): YamlReading {
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    return { text: "", faults: [fault("yaml_not_utf8", "is not UTF-8: save it in UTF-8")] };
  }
  const forbidden = FORBIDDEN_CHARACTER.exec(text);
  if (forbidden !== null) {
    const where = `${printable(forbidden[0])} in line ${lineAt(text, forbidden.index)}`;
    return { text, faults: [fault("yaml_control_character", `has the character ${where}: remove it`)] };
  }
  try {
    return { text, ...readDocument(text) };
  } catch {
    return { text, faults: [fault("yaml_invalid", "cannot be read as YAML: check its syntax")] };
  }
}

/**
 * Reads a boolean by the rule of yaml.v3 for a field of type bool: the core words if plain, the
 * words of YAML 1.1 also if quoted. `undefined` for everything else.
 */
export function readBoolean(node: YamlScalar): boolean | undefined {
  if (node.plain && TRUE_TEXTS.has(node.text)) return true;
  if (node.plain && FALSE_TEXTS.has(node.text)) return false;
  if (TRUE_WORDS.has(node.text)) return true;
  if (FALSE_WORDS.has(node.text)) return false;
  return undefined;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readDocument(text: string): Omit<YamlReading, "text"> {
  const tokens = readTokens(text);
  if (tokens.faults.length > 0) return tokens;
  // Unique keys are checked in `nodeOf`. The library compares every pair of keys, which is
  // quadratic: tens of thousands of keys would take minutes.
  const composer = new Composer({ schema: "failsafe", uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
  const documents = [...composer.compose(tokens.documents, true, text.length)];
  const [first, second] = documents;
  if (first === undefined) return { root: NULL_NODE, faults: [] };
  if (second !== undefined) {
    return {
      faults: [fault("yaml_multiple_documents", "has more than one YAML document: keep one, without --- between")],
    };
  }
  const faults = first.errors
    .slice(0, FAULTS_MAX)
    .map((error) => fault("yaml_invalid", `line ${lineAt(text, error.pos[0])}: ${printable(error.message, 200)}`));
  if (faults.length > 0) return { faults };
  const root = nodeOf(first.contents, "", faults);
  return faults.length > 0 ? { faults } : { root, faults };
}

/**
 * Parses into tokens and watches the stack of the parser. The composer recurses, so nesting must be
 * limited before it runs, and the parser itself slows down with depth.
 */
function readTokens(text: string): { readonly documents: CST.Token[]; readonly faults: ArchiveFault[] } {
  const parser = new Parser();
  const documents: CST.Token[] = [];
  const faults: ArchiveFault[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    const refused = refusedToken(CST.tokenType(lexeme), lexeme);
    if (refused !== undefined)
      faults.push(fault(refused.code, `line ${lineAt(text, parser.offset)}: ${refused.message}`));
    for (const token of parser.next(lexeme)) documents.push(token);
    lexemes += 1;
    const excess = excessOf(lexemes, parser.stack.length);
    if (excess !== undefined) faults.push(excess);
    if (excess !== undefined || faults.length >= FAULTS_MAX) return { documents, faults };
  }
  for (const token of parser.end()) documents.push(token);
  return { documents, faults };
}

/** The stack of the parser holds at most two tokens per level of nesting. */
function excessOf(lexemes: number, stackDepth: number): ArchiveFault | undefined {
  if (stackDepth > 2 * YAML_DEPTH_MAX) {
    return fault("yaml_too_deep", `is nested deeper than ${YAML_DEPTH_MAX} levels: flatten it`);
  }
  if (lexemes > YAML_TOKENS_MAX) {
    return fault("yaml_too_complex", `has more than ${YAML_TOKENS_MAX} keys, values and marks: shorten it`);
  }
  return undefined;
}

/** The escapes of YAML 1.2 §5.7 in a double-quoted text. */
const ESCAPES = /\\(?:[0abefnrtvNLP_ "/\\\t\n]|\r\n|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U00(?:0[\da-fA-F]|10)[\da-fA-F]{4})/g;

function refusedToken(
  type: CST.TokenType | null,
  lexeme: string,
): { readonly code: YamlFaultCode; readonly message: string } | undefined {
  switch (type) {
    case "alias":
    case "anchor":
      return {
        code: "yaml_alias",
        message: "anchors (&) and aliases (*) are not allowed: write the value out, or quote it",
      };
    case "tag":
      return { code: "yaml_tag", message: "tags (!) are not allowed: quote the value to make it text" };
    case "double-quoted-scalar":
      // The composer reports each of them, which takes time for thousands.
      if (!lexeme.replace(ESCAPES, "").includes("\\")) return undefined;
      return { code: "yaml_invalid", message: "a text in double quotes has an invalid escape: write \\\\ for \\" };
    case "directive-line":
      return { code: "yaml_directive", message: "directives (%) are not allowed: remove the line" };
    default:
      return undefined;
  }
}

function nodeOf(node: ParsedNode | null, path: string, faults: ArchiveFault[]): YamlNode {
  if (isScalar(node)) return checkedScalar(node, path, faults);
  if (isSeq(node)) {
    const items = faults.length >= FAULTS_MAX ? [] : node.items;
    const nodes = items.map((child, index) => nodeOf(childNode(child), `${path}/${index}`, faults));
    return { kind: "list", nodes };
  }
  if (!isMap(node)) return NULL_NODE;
  const fields = new Map<string, YamlNode>();
  const keys = new Set<string>();
  for (const pair of node.items) {
    if (faults.length >= FAULTS_MAX) break;
    const key = readKey(childNode(pair.key), path, faults);
    if (key === undefined) continue;
    const at = `${path}/${key.text.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    if (keys.has(key.text)) faults.push(fault("yaml_duplicate_key", "is set twice: keep one of the two", at));
    keys.add(key.text);
    const value = nodeOf(childNode(pair.value), at, faults);
    // yaml.v3 cannot use null as a field name and ignores it.
    if (key.kind === "scalar") fields.set(key.text, value);
  }
  return { kind: "map", fields };
}

function readKey(node: ParsedNode | null, path: string, faults: ArchiveFault[]): KeyText | undefined {
  if (node === null) return { kind: "null", text: "" };
  if (!isScalar(node)) {
    faults.push(fault("yaml_invalid", "has a key that is a list or a map: write keys as text", path));
    return undefined;
  }
  const scalar = checkedScalar(node, path, faults);
  const text = String(node.source);
  if (scalar.kind === "scalar" && scalar.plain && text === "<<") {
    faults.push(fault("yaml_merge_key", "uses a merge key (<<), which is not allowed: write the fields out", path));
    return undefined;
  }
  return { kind: scalar.kind, text };
}

interface KeyText {
  readonly kind: "scalar" | "null";
  readonly text: string;
}

/**
 * NUL and half a surrogate pair. Escapes such as `"\0"` and `"\ud800"` produce them; the document
 * itself cannot contain them. yaml.v3 refuses the second, many programs end a text at the first,
 * and SQLite and Postgres cannot both store them.
 */
const UNSTORABLE_CHARACTER = /\0|\p{Cs}/u;

function checkedScalar(node: Scalar, path: string, faults: ArchiveFault[]): YamlScalar | YamlNull {
  const scalar = readScalar(node);
  if (scalar.kind === "scalar" && UNSTORABLE_CHARACTER.test(scalar.text)) {
    faults.push(fault("yaml_control_character", "has an escape for NUL or for half a character: remove it", path));
  }
  return scalar;
}

function readScalar(node: Scalar): YamlScalar | YamlNull {
  const text = node.source ?? "";
  const plain = node.type === Scalar.PLAIN || node.type === undefined;
  return plain && NULL_TEXTS.has(text) ? NULL_NODE : { kind: "scalar", text, plain };
}

/**
 * The types of the composer allow aliases and pairs as children. `readTokens` has refused aliases
 * already, and the failsafe schema has no pairs.
 */
function childNode(child: unknown): ParsedNode | null {
  return isScalar(child) || isSeq(child) || isMap(child) ? (child as ParsedNode) : null;
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function fault(code: YamlFaultCode, message: string, path = ""): ArchiveFault {
  return { path, code, message };
}
