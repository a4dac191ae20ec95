import { printable } from "../../../src/archive/archive-fault.ts";
import { ChunkSource } from "../../../src/archive/chunk-source.ts";
import { readEntryName } from "../../../src/archive/entry-name.ts";
import { EntryNames } from "../../../src/archive/entry-names.ts";
import { fileFormat } from "../../../src/archive/file-format.ts";
import { gunzipSingleMember } from "../../../src/archive/gzip.ts";
import { readGzipHeader } from "../../../src/archive/gzip-header.ts";
import { hasInvisible } from "../../../src/archive/invisible-characters.ts";
import { readManifest } from "../../../src/archive/manifest.ts";
import { readPaxRecords } from "../../../src/archive/pax.ts";
import { SECRET_FORMS } from "../../../src/archive/secret-patterns.ts";
import { SecretScan } from "../../../src/archive/secret-scan.ts";
import { TarWalker } from "../../../src/archive/tar.ts";
import { TemplateScan } from "../../../src/archive/template-scan.ts";
import { TextFile } from "../../../src/archive/text-file.ts";
import { checkValues } from "../../../src/archive/values-check.ts";
import { DEFAULT_ARCHIVE_LIMITS, PAX_HEADER_MAX_BYTES, VALUES_CHECK_MAX_BYTES } from "../../../src/domain/limits.ts";
import { chunked, makeTar, paxEntry, type RawEntry } from "../../support/archive-maker.ts";
import { ofBytes, ofText } from "./scanners.ts";

const { manifestMaxBytes } = DEFAULT_ARCHIVE_LIMITS;

const SECRETS = [
  ...new Set(SECRET_FORMS.flatMap(({ starts }) => starts)),
  "-----BEGIN RSA PRIVATE KEY-----",
  "PuTTY-User-Key-File-2: ssh-rsa",
  "Proc-Type: 4,ENCRYPTED\n",
  "\\n",
  "\\\\",
  "#",
  "' +\n'",
  "-",
  ".",
  "_",
  "0123456789",
  "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ",
];

const YAML = [
  ...["- ", "? ", ": ", ":", "-", "{", "}", "[", "]", ",", "&a ", "*a ", "!!x ", "!<x> ", "|\n", ">-\n", "|2+\n"],
  ...["'", "''", '"', "\\q", "\\x", "\\xZZ", "\\u12", "\\\n", "# c\n", " #", "---\n", "...\n", "%Y\n", "~", "<<: "],
  ...["\ufeff", "\u2028", "\u0085", "k: ", "k: v\n", "  ", " \n", "\t\n", "églpat-ASIAa", "'a':\n", '"b": ', "k:\n  "],
  ...["name: a\n", "version: 1.0.0\n", "tags:\n", "inputs:\n", "- key: a\n", "homepage: http://a\n", "x: [", "y: {"],
  ...["\ud83d\ude00", "%", "@", "`", "=", "null", "!", "\u200b", ": |\n", " a\n", "  a\n", "   \n"],
] as const;

/** Entries without the end of the tar. */
function entries(...members: RawEntry[]): string {
  return Buffer.from(makeTar(members, { end: new Uint8Array() })).toString("latin1");
}

const TAR = [
  entries({ name: "a" }),
  entries({ name: "d/", type: "5" }),
  entries({ name: "b", content: "x" }),
  entries(paxEntry({ path: "a/b" }), { name: "c" }),
  entries({ name: "e", type: "2" }),
  entries({ name: "././@LongLink", type: "L", content: "f\0" }),
  entries({ name: "g", type: "g", content: "12 comment=a\n" }),
  "\0".repeat(512),
  "\0",
] as const;

function searchSecrets(bytes: Buffer): void {
  const scan = new SecretScan();
  scan.fileStart("a", bytes.length);
  scan.push(bytes);
  scan.fileEnd();
}

function searchTemplate(bytes: Buffer): void {
  new TemplateScan(bytes.length).push(bytes);
}

function readText(bytes: Buffer): void {
  const file = new TextFile("values.yaml", bytes.length, bytes.length);
  file.push(bytes);
  file.text;
  file.warning;
}

/** The names of an archive are the lines of the text. */
function compareNames(text: string): void {
  const names = new EntryNames();
  for (const line of text.split("\n")) names.add(line.slice(0, 240), "file");
}

function walkTar(bytes: Buffer): void {
  const visitor = {
    entry: () => undefined,
    content: () => undefined,
    entryEnd: () => undefined,
    problem: () => undefined,
  };
  const walker = new TarWalker(visitor);
  walker.push(bytes);
  walker.end();
}

async function unpack(bytes: Buffer): Promise<void> {
  for await (const _ of gunzipSingleMember(chunked(bytes)));
}

const pieceOf = (bytes: readonly number[]) => Buffer.from(bytes).toString("latin1");
const GZIP_START = [0x1f, 0x8b, 8, 0x1c, 0, 0, 0, 0, 0, 3];
const GZIP = [
  pieceOf(GZIP_START),
  pieceOf([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
  // Empty stored blocks, and an empty block with fixed codes.
  pieceOf([0, 0, 0, 0xff, 0xff]),
  pieceOf([2, 0]),
  pieceOf([0]),
  pieceOf([0xff]),
  "a",
] as const;

/** What reads archives and the files in them. */
export const ARCHIVE_SCANNERS = [
  ofBytes("secrets", ["a", ...SECRETS], searchSecrets, { nsPerByteMax: 1_500 }),
  ofBytes(
    "templates",
    ["{{", "}}", "{{-", "/*", "*/", "`", '"', "'", "env", ".env", "$env", "expandenv"],
    searchTemplate,
  ),
  // Tokens are bounded, and cost more than their bytes.
  ofBytes("colony.yaml", YAML, readManifest, { maxBytes: manifestMaxBytes, nsPerByteMax: 5_000 }),
  ofBytes("values.yaml", YAML, checkValues, { maxBytes: VALUES_CHECK_MAX_BYTES, nsPerByteMax: 5_000 }),
  ofBytes("text file", YAML, readText),
  ofBytes(
    "entry name",
    ["/", "../", "./", "\\", ".", " ", "C:", "nul", "?", "A", "\u200b", "\u0316", "ß"],
    (bytes) => readEntryName(bytes, "file"),
    { maxBytes: PAX_HEADER_MAX_BYTES },
  ),
  ofText("entry names", ["/", "a/", "a/b/c/d/", "A", "\n", "\n/", "ß", "ſ", "\u0316", "a\n"], compareNames),
  ofText("invisible characters", ["\u200b", "\u200d", "\u{e0001}", "\u{1f3f4}", "\u0316", "😀", "a"], hasInvisible),
  ofText("printable", ["\u200b", "\u202e", "a", "\u{e0001}", "\ud800"], (text) => printable(text)),
  ofBytes("PAX records", ["6 a=b\n", "11 path=a/b\n", "9", " ", "=", "\n", "99999 "], readPaxRecords),
  ofBytes("tar", TAR, walkTar, { encoding: "latin1" }),
  ofBytes("file format", ["-----BEGIN ", "--", "\n", "<html", " ", "{", "content-", "é"], fileFormat),
  ofBytes("gzip header", GZIP, (bytes) => readGzipHeader(new ChunkSource(chunked(bytes, 512))), { encoding: "latin1" }),
  ofBytes("gzip", GZIP, unpack, { encoding: "latin1" }),
];
