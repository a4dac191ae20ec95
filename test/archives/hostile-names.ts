import type { ArchiveFaultCode } from "../../src/archive/archive-fault.ts";
import { bytesOf, paxEntry, type RawEntry } from "../support/archive-maker.ts";
import { type HostileCase, type Rule, withEntries } from "./hostile-case.ts";

/* Group 4 of the rules: the names of entries, alone and combined. */

const SINGLE_NAMES: readonly (readonly [Rule, ArchiveFaultCode, ...(string | Uint8Array)[]])[] = [
  ["4 utf-8", "name_not_utf8", new Uint8Array([0x61, 0xff]), new Uint8Array([0xc0, 0xae, 0x2f, 0x61])],
  ["4 utf-8", "name_not_utf8", new Uint8Array([0xed, 0xa0, 0x80])],
  ["4 nfc", "name_not_nfc", "cafe\u0301", "\u212b", "\u1112\u1161\u11ab"],
  ["4 length", "name_too_long", "a".repeat(241), `${"ä".repeat(120)}a`],
  ["4 depth", "name_too_deep", `${"a/".repeat(16)}a`, `${"b/".repeat(99)}b`],
  ["4 traversal", "name_traversal", "../x", "a/../../x", "a/..", "..", "a/./b"],
  ["4 backslash", "name_traversal", "..\\x", "a\\..\\..\\x"],
  ["4 backslash", "name_absolute", "\\x"],
  ["4 one ./", "name_traversal", "././x", "./../x"],
  ["4 one ./", "name_absolute", ".//etc/passwd"],
  ["4 absolute", "name_absolute", "/etc/passwd", "//server/share/x", "\\\\server\\share\\x"],
  ["4 drive", "name_absolute", "C:/x", "c:x", "C:\\x"],
  ["4 control", "name_control_character", "a\nb", "a\u001b[2Jb", "a\u202egpj.exe", "a\u200bb", "a\u0085b"],
  ["4 characters", "name_forbidden_character", "a<b", "a>b", "file:stream", 'a"b', "a|b", "a?", "*"],
  ["4 trailing", "name_trailing_dot_or_space", "a.", "a ", "a./b", "a /b", "a..."],
  ["4 device name", "name_windows_device", "nul", "a/CON/b", "Com1.txt", "aux .txt", "lpt¹", "conin$"],
];

/** Names longer than the field of a header are in a PAX header. */
function named(name: string | Uint8Array): RawEntry[] {
  const bytes = bytesOf(name);
  return bytes.length <= 100 || typeof name !== "string" ? [{ name }] : [paxEntry({ path: name }), { name: "short" }];
}

const SINGLE_CASES: readonly HostileCase[] = SINGLE_NAMES.flatMap(([rule, code, ...names]) =>
  names.map((name) => ({
    rule,
    what: typeof name === "string" ? JSON.stringify(name) : Buffer.from(name).toString("hex"),
    code,
    archive: withEntries(...named(name)),
  })),
);

/** Entries that are sound alone. The sound package has `values.yaml` and `templates/a.json`. */
function combined(rule: Rule, what: string, code: ArchiveFaultCode, ...entries: readonly RawEntry[]): HostileCase {
  return { rule, what, code, archive: withEntries(...entries) };
}

const UNIQUE_CASES: readonly HostileCase[] = [
  combined("4 one .", "./ beside .", "name_duplicate", { name: ".", type: "5" }, { name: "./", type: "5" }),
  combined("4 one .", "a . that is a file", "name_traversal", { name: "." }),
  combined("4 one .", "a . without a name", "name_empty", { name: "", type: "5" }),
  combined("4 one ./", "a name with and without", "name_duplicate", { name: "./values.yaml" }),
  combined("4 backslash", "a name in two spellings", "name_duplicate", { name: "templates\\a.json" }),
  combined(
    "4 unique nfc",
    "a decomposed name beside its composed one",
    "name_not_nfc",
    { name: "é" },
    { name: "e\u0301" },
  ),
  combined("4 unique nfc", "accents in two capitals", "name_case_conflict", { name: "café" }, { name: "CAFÉ" }),
  combined("4 unique nfc", "the same file twice", "name_duplicate", { name: "values.yaml" }),
  combined(
    "4 unique nfc",
    "the same folder twice",
    "name_duplicate",
    { name: "f", type: "5" },
    { name: "f/", type: "5" },
  ),
  combined("4 unique case", "a file in other capitals", "name_case_conflict", { name: "VALUES.yaml" }),
  combined("4 unique case", "a folder in other capitals", "name_case_conflict", { name: "Templates/b.json" }),
  combined("4 unique case", "ß and SS", "name_case_conflict", { name: "straße" }, { name: "STRASSE" }),
  combined("4 file and directory", "a file and then a name below", "name_file_and_directory", {
    name: "values.yaml/x",
  }),
  combined("4 file and directory", "a folder and then a file", "name_file_and_directory", { name: "templates" }),
  combined(
    "4 file and directory",
    "a file and then its folder",
    "name_file_and_directory",
    { name: "both" },
    { name: "both", type: "5" },
  ),
  combined("4 traversal", "in a prefix", "name_traversal", { name: "x", prefix: ".." }),
  combined("4 traversal", "in a PAX path", "name_traversal", paxEntry({ path: "../x" }), { name: "innocent" }),
];

export const NAME_CASES: readonly HostileCase[] = [...SINGLE_CASES, ...UNIQUE_CASES];
