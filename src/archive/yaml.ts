import { type ArchiveFault, printable, type YamlFaultCode } from "./archive-fault.ts";
import { YamlSyntaxError } from "./yaml-fault.ts";
import type { YamlAlias, YamlNode } from "./yaml-nodes.ts";
import { YamlParser } from "./yaml-parser.ts";

/**
 * The result of reading a document. The `path` of a fault is a JSON pointer (RFC 6901), empty for
 * the document as a whole.
 */
export interface YamlReading {
  /** Undefined if there are faults, or if the text has no document, such as an empty one. */
  readonly root?: YamlNode | undefined;
  /** The document's text, without a byte order mark; empty when it cannot be decoded. */
  readonly text: string;
  readonly faults: readonly ArchiveFault[];
}

/**
 * The characters that the reader of yaml.v3 refuses. Also a byte order mark after the start:
 * whether yaml.v3 skips a character because of it depends on where its buffer begins.
 */
const FORBIDDEN_CHARACTER =
  /[^\t\n\r\x20-\x7e\u0085\u{a0}-\u{d7ff}\u{e000}-\u{fefe}\u{ff00}-\u{fffd}\u{10000}-\u{10ffff}]/u;

const UTF16_MARKS = { "utf-16le": [0xff, 0xfe], "utf-16be": [0xfe, 0xff] } as const;

/**
 * Reads one YAML document exactly as Go's yaml.v3 3.0.1 does, which is what the client reads with.
 * Aliases and further documents with content are faults. Never throws. Time and memory are
 * proportional to `bytes`.
 */
export function readYaml(bytes: Uint8Array): YamlReading {
  return readDocument(bytes, ({ aliases }, isLast) => {
    const faults = aliases.length === 0 ? [] : [aliasFault(aliases)];
    if (!isLast()) faults.push(fault("yaml_multiple_documents", "has text after its end: keep one YAML document"));
    return faults;
  });
}

/**
 * Reads the first document as yaml.v3's `Decoder` does: aliases are read, and what follows the
 * document is not.
 */
export function readFirstYaml(bytes: Uint8Array): YamlReading {
  return readDocument(bytes, () => []);
}

type CheckDocument = (
  document: { readonly aliases: readonly YamlAlias[] },
  isLast: () => boolean,
) => readonly ArchiveFault[];

function readDocument(bytes: Uint8Array, check: CheckDocument): YamlReading {
  const text = decodeText(bytes);
  if (text === undefined) {
    return { text: "", faults: [fault("yaml_not_utf8", "is not UTF-8: save it in UTF-8")] };
  }
  const forbidden = FORBIDDEN_CHARACTER.exec(text);
  if (forbidden !== null) {
    const where = `${printable(forbidden[0])} in line ${lineAt(text, forbidden.index)}`;
    return { text, faults: [fault("yaml_control_character", `has the character ${where}: remove it`)] };
  }
  try {
    const parser = new YamlParser(text);
    const document = parser.first();
    const faults = check(document, () => isLastDocument(parser));
    return faults.length > 0 ? { text, faults } : { root: document.root, text, faults };
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    return { text, faults: [fault(error.code, error.message)] };
  }
}

/** Text that cannot be read after a document is not empty either. */
function isLastDocument(parser: YamlParser): boolean {
  try {
    return parser.isLast();
  } catch (error) {
    if (!(error instanceof YamlSyntaxError)) throw error;
    return false;
  }
}

function decodeText(bytes: Uint8Array): string | undefined {
  const utf16 = (["utf-16le", "utf-16be"] as const).find((encoding) =>
    UTF16_MARKS[encoding].every((byte, at) => bytes[at] === byte),
  );
  try {
    return new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function aliasFault(aliases: readonly YamlAlias[]): ArchiveFault {
  const [first] = aliases;
  const name = printable(first?.name ?? "", 50);
  const more = aliases.length > 1 ? ` and ${aliases.length - 1} more` : "";
  const message = `line ${(first?.line ?? 0) + 1}: the alias *${name}${more}: write out what &${name} stands for`;
  return fault("yaml_alias", message);
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function fault(code: YamlFaultCode, message: string): ArchiveFault {
  return { path: "", code, message };
}
