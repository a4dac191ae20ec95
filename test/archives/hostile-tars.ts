import type { ArchiveFaultCode } from "../../src/archive/archive-fault.ts";
import { bytesOf, concat, makeArchive, makeTar, paxEntry, type RawEntry } from "../support/archive-maker.ts";
import { type HostileCase, type Rule, SOUND, soundAnd, withEntries } from "./hostile-case.ts";

/* Group 3 of the rules: the tar. */

function tarCase(rule: Rule, what: string, code: ArchiveFaultCode, ...entries: readonly RawEntry[]): HostileCase {
  return { rule, what, code, archive: withEntries(...entries) };
}

/** A file with other bytes in its header and a correct checksum. */
function withField(at: number, bytes: string | Uint8Array, entry: Partial<RawEntry> = {}): RawEntry {
  return { name: "field", content: "x", ...entry, beforeChecksum: (header) => header.set(bytesOf(bytes), at) };
}

function endingIn(what: string, rule: Rule, code: ArchiveFaultCode, end: Uint8Array): HostileCase {
  return { rule, what, code, archive: () => makeArchive(SOUND, { end }) };
}

const FORBIDDEN_TYPES: readonly (readonly [Rule, string, string])[] = [
  ["3 links", "a symbolic link out of the folder", "2"],
  ["3 links", "a hard link", "1"],
  ["3 devices", "a character device", "3"],
  ["3 devices", "a block device", "4"],
  ["3 devices", "a FIFO", "6"],
  ["3 gnu", "a GNU long link name", "K"],
  ["3 gnu", "a GNU sparse file", "S"],
  ["3 types", "a contiguous file", "7"],
  ["3 types", "a volume's name", "V"],
  ["3 types", "a Solaris PAX header", "X"],
  ["3 types", "a type nobody knows", "~"],
];

const TYPE_CASES = FORBIDDEN_TYPES.map(([rule, what, type]) =>
  tarCase(rule, what, "entry_type_forbidden", { name: "entry", type, linkName: "12".includes(type) ? "../../x" : "" }),
);

function globalPax(records: Readonly<Record<string, string>>): RawEntry {
  return { ...paxEntry(records), type: "g" };
}

const GLOBAL_CASES: readonly HostileCase[] = [
  ...[{ path: "elsewhere" }, { size: "1" }, { comment: "a commit", mtime: "1" }, { "SCHILY.xattr.user.x": "1" }].map(
    (records) =>
      tarCase("3 global", `with ${Object.keys(records)}`, "entry_type_forbidden", globalPax(records), {
        name: "entry",
      }),
  ),
  tarCase("3 global", "behind the PAX path of the entry", "entry_type_forbidden", paxEntry({ path: "a" }), {
    ...globalPax({ comment: "a commit" }),
  }),
  tarCase("3 global", "two in a row", "entry_type_forbidden", globalPax({ comment: "a" }), globalPax({ comment: "b" })),
  tarCase("3 global", "no entry behind", "tar_bad_end", globalPax({ comment: "a commit" })),
];

const LONG_NAME = `${"long-folder/".repeat(10)}name`;

function longName(content: string, entry: Partial<RawEntry> = {}): RawEntry {
  return { name: "././@LongLink", type: "L", content, ...entry };
}

/** Two readers give the entry two names in each of these, or one of them fails. */
const LONG_NAME_CASES: readonly HostileCase[] = [
  ...(
    [
      ["two", longName(`${LONG_NAME}\0`), longName(`${LONG_NAME}2\0`)],
      ["a PAX path before it", paxEntry({ path: "other" }), longName(`${LONG_NAME}\0`)],
      ["a PAX path behind it", longName(`${LONG_NAME}\0`), paxEntry({ path: "other" })],
      ["an empty one", longName("\0")],
      ["one without content", longName("")],
      ["bytes behind its end", longName("a\0b")],
      ["bytes in its padding", longName("a\0hidden", { size: 2 })],
      ["a long link name beside it", longName(`${LONG_NAME}\0`), longName("link\0", { type: "K" })],
      ["a global PAX header behind it", longName(`${LONG_NAME}\0`), globalPax({ comment: "c" })],
    ] as const
  ).map(([what, ...headers]) =>
    tarCase("3 long names", what, "entry_type_forbidden", ...headers, { name: "entry", content: "x" }),
  ),
  tarCase("3 long names", "9 KiB", "name_too_long", longName("n".repeat(9_000)), { name: "entry" }),
  tarCase("3 long names", "no entry behind", "tar_bad_end", longName(`${LONG_NAME}\0`)),
  tarCase("3 long names", "a directory to some readers", "tar_bad_field", longName(`${LONG_NAME}\0`), {
    name: "entry/",
    type: "\0",
  }),
  tarCase("3 long names", "a file that ends with /", "name_empty_segment", longName(`${LONG_NAME}/\0`), {
    name: "entry",
  }),
];

const CHECKSUM_CASES: readonly HostileCase[] = [
  tarCase("3 checksum", "of another name", "tar_bad_checksum", {
    name: "entry",
    afterChecksum: (header) => header.set(bytesOf("other"), 0),
  }),
  tarCase("3 checksum", "none", "tar_bad_checksum", {
    name: "entry",
    afterChecksum: (header) => header.fill(0x20, 148, 156),
  }),
  tarCase("3 checksum", "of signed bytes, as old readers have it", "tar_bad_checksum", {
    name: "\u00e4",
    afterChecksum: (header) => {
      const sum = header.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
      const field = header.subarray(148, 156).reduce((total, byte) => total + byte, 0);
      header.set(bytesOf(`${(sum - field + 8 * 0x20).toString(8).padStart(6, "0")}\0 `), 148);
    },
  }),
];

const NUMBER_CASES: readonly HostileCase[] = [
  tarCase("3 octal", "a decimal size", "tar_bad_field", withField(124, "00000000009\0")),
  tarCase("3 octal", "a negative size", "tar_bad_field", withField(124, "-0000000001\0")),
  tarCase("3 octal", "no size", "tar_bad_field", withField(124, "\0".repeat(12))),
  tarCase("3 octal", "a size with text behind it", "tar_bad_field", withField(124, "0000001\0junk")),
  tarCase("3 octal", "a decimal mtime", "tar_bad_field", withField(136, "99999999999\0")),
  tarCase("3 octal", "a mode without an end", "tar_bad_field", withField(100, "00000644")),
  tarCase("3 octal", "a directory with a size", "tar_bad_field", { name: "folder", type: "5", size: 512 }),
  tarCase(
    "3 base-256",
    "a size",
    "tar_bad_field",
    withField(124, new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])),
  ),
  tarCase(
    "3 base-256",
    "a uid above 32 bits",
    "tar_bad_field",
    withField(108, new Uint8Array([0x80, 0, 0, 1, 0, 0, 0, 0])),
  ),
  tarCase("3 base-256", "a negative gid", "tar_bad_field", withField(116, new Uint8Array(8).fill(0xff))),
  tarCase("3 base-256", "a mode", "tar_bad_field", withField(100, new Uint8Array([0x80, 0, 0, 0, 0, 0, 1, 0xa4]))),
  tarCase("3 base-256", "a negative mtime", "tar_bad_field", withField(136, new Uint8Array(12).fill(0xff))),
];

const PAX_CASES: readonly HostileCase[] = [
  ...["linkpath", "GNU.sparse.name", "GNU.sparse.realsize", "hdrcharset", "SCHILY.realsize", "VENDOR.key"].map((key) =>
    tarCase("3 pax keys", key, "tar_bad_pax", paxEntry({ [key]: "1" }), { name: "entry" }),
  ),
  tarCase("3 pax size", "a larger one", "tar_bad_pax", paxEntry({ size: "512" }), { name: "entry", content: "x" }),
  tarCase("3 pax size", "none", "tar_bad_pax", paxEntry({ size: "0" }), { name: "entry", content: "x" }),
  tarCase("3 pax size", "hexadecimal", "tar_bad_pax", paxEntry({ size: "0x1" }), { name: "entry", content: "x" }),
  ...["8 path=a\n", "99 path=a\n", "9 path=ab", "9 path=a\n9 path=b\n", "09 path=a\n"].map((content) =>
    tarCase("3 pax records", JSON.stringify(content), "tar_bad_pax", { name: "p", type: "x", content }, { name: "e" }),
  ),
  // Python since 2024 reads on after the size, and silently leaves out the rest of the archive.
  ...["9 path=a\nx", `9 path=a\n${"9 path=b\n".repeat(3)}`].map((content) =>
    tarCase(
      "3 pax padding",
      JSON.stringify(content),
      "tar_bad_pax",
      { name: "p", type: "x", size: 9, content },
      { name: "e" },
    ),
  ),
  tarCase("3 pax records", "two headers", "tar_bad_pax", paxEntry({ path: "a" }), paxEntry({ path: "b" }), {
    name: "e",
  }),
  tarCase("3 pax records", "8 KiB", "tar_bad_pax", paxEntry({ uname: "u".repeat(8_192) }), { name: "e" }),
  tarCase("3 pax records", "no entry behind", "tar_bad_end", paxEntry({ path: "a" })),
];

const END_CASES: readonly HostileCase[] = [
  endingIn("none", "3 end", "tar_truncated", new Uint8Array(0)),
  endingIn("one", "3 end", "tar_truncated", new Uint8Array(512)),
  endingIn("one and a half", "3 end", "tar_truncated", new Uint8Array(1_023)),
  endingIn("one between entries", "3 end", "tar_bad_end", concat([new Uint8Array(512), makeTar({ b: "" })])),
  endingIn("a second tar", "3 zeros", "tar_bad_end", concat([new Uint8Array(1_024), makeTar({ b: "" })])),
  endingIn("a byte", "3 zeros", "tar_bad_end", concat([new Uint8Array(9_999), bytesOf("x")])),
  {
    rule: "3 end",
    what: "cut inside a file",
    code: "tar_truncated",
    archive: () => makeArchive([...soundAnd(), { name: "cut", size: 4_096 }], { end: new Uint8Array(1_024) }),
  },
];

const ONE_READING_CASES: readonly HostileCase[] = [
  tarCase(
    "3 one reading",
    "a ustar prefix in a GNU header",
    "tar_bad_field",
    withField(257, "ustar  \0", { prefix: "p" }),
  ),
  tarCase(
    "3 one reading",
    "access and change times in a GNU header",
    "tar_bad_field",
    withField(257, "ustar  \0", { prefix: "14524770400\x0014524770400\0" }),
  ),
  tarCase("3 one reading", "a prefix that goes on into the times of npm's tar", "tar_bad_field", {
    ...withField(476, "14524770400\x0014524770400\0", { prefix: "p".repeat(131) }),
  }),
  tarCase(
    "3 one reading",
    "a file of Unix V7 whose PAX path is a directory's",
    "tar_bad_field",
    paxEntry({ path: "d" }),
    {
      name: "entry/",
      type: "\0",
    },
  ),
  tarCase("3 one reading", "a star header", "tar_bad_field", withField(508, "tar\0")),
  tarCase("3 one reading", "a magic nobody knows", "tar_bad_field", withField(257, "ustar\x0099")),
  tarCase("3 one reading", "a name behind the name's end", "tar_bad_field", withField(50, "hidden")),
];

/**
 * Go or GNU tar refuses these, or Python leaves files out, while other readers unpack them. The
 * differential test found them.
 */
const REFUSED_BY_ONE: readonly HostileCase[] = [
  ...[
    { mtime: "soon" },
    { mtime: "" },
    { mtime: "99999999999999999999" },
    { atime: "1.x" },
    { uid: "-1" },
    { gid: "4294967296" },
    { uname: "a\0b" },
  ].map((records) =>
    tarCase("3 one reading", `PAX ${JSON.stringify(records)}`, "tar_bad_pax", paxEntry(records), { name: "entry" }),
  ),
  tarCase("3 one reading", "a device number that is none", "tar_bad_field", withField(329, "junk")),
  tarCase("3 one reading", "a minor device number that is none", "tar_bad_field", withField(337, "0000009\0")),
];

export const TAR_CASES: readonly HostileCase[] = [
  ...CHECKSUM_CASES,
  ...NUMBER_CASES,
  ...TYPE_CASES,
  ...GLOBAL_CASES,
  ...LONG_NAME_CASES,
  ...PAX_CASES,
  ...END_CASES,
  ...ONE_READING_CASES,
  ...REFUSED_BY_ONE,
];
