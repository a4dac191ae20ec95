import { describe, expect, test } from "bun:test";
import { UnreadableArchive } from "../../src/archive/archive-fault.ts";
import { TarWalker } from "../../src/archive/tar.ts";
import { bytesOf, concat, makeTar, paxEntry, type RawEntry } from "../support/archive-maker.ts";

interface Walked {
  readonly entries: { name: string; kind: string; content: string }[];
  readonly codes: string[];
}

function walk(tar: Uint8Array, chunkBytes = 65_536): Walked {
  const walked: Walked = { entries: [], codes: [] };
  let pieces: Uint8Array[] = [];
  let open = { name: "", kind: "" };
  const walker = new TarWalker({
    entry: ({ name, kind }) => {
      open = { name: new TextDecoder().decode(name), kind };
      pieces = [];
    },
    content: (piece) => pieces.push(piece.slice()),
    entryEnd: () => walked.entries.push({ ...open, content: new TextDecoder().decode(concat(pieces)) }),
    problem: (problem) => walked.codes.push(problem.code),
  });
  try {
    for (let at = 0; at < tar.length; at += chunkBytes) walker.push(tar.subarray(at, at + chunkBytes));
    walker.end();
  } catch (error) {
    if (!(error instanceof UnreadableArchive)) throw error;
    walked.codes.push(error.fault.code);
  }
  return walked;
}

function codesOf(...entries: RawEntry[]): string[] {
  return walk(makeTar(entries)).codes;
}

/** A file whose header field at `at` is replaced by `text` before the checksum is computed. */
function withField(at: number, text: string | Uint8Array, entry: Partial<RawEntry> = {}): RawEntry {
  return { name: "a", content: "x", ...entry, beforeChecksum: (header) => header.set(bytesOf(text), at) };
}

describe("TarWalker", () => {
  const plain = makeTar([
    { name: "dir", type: "5" },
    { name: "dir/empty", content: "" },
    { name: "dir/block", content: "b".repeat(512) },
    { name: "dir/text", content: "hello" },
  ]);

  test("reads files and directories, however the bytes are cut", () => {
    for (const size of [1, 7, 511, 512, 513, 65_536]) {
      expect(walk(plain, size)).toEqual({
        codes: [],
        entries: [
          { name: "dir", kind: "directory", content: "" },
          { name: "dir/empty", kind: "file", content: "" },
          { name: "dir/block", kind: "file", content: "b".repeat(512) },
          { name: "dir/text", kind: "file", content: "hello" },
        ],
      });
    }
  });

  test("reads the old NUL type as a file", () => {
    expect(walk(makeTar([{ name: "a", type: "\0", content: "x" }])).entries).toEqual([
      { name: "a", kind: "file", content: "x" },
    ]);
  });

  test("joins prefix and name, also without the version of ustar, as JTar writes it", () => {
    expect(walk(makeTar([withField(262, "\0\0\0", { prefix: "p" })]))).toMatchObject({
      codes: [],
      entries: [{ name: "p/a" }],
    });
    expect(walk(makeTar([{ name: "b", prefix: "a/c" }])).entries[0]?.name).toBe("a/c/b");
  });

  test("uses the path of a PAX header for one entry only", () => {
    const tar = makeTar([
      paxEntry({ path: long, mtime: "1.5", uid: "3000000", uname: "ü" }),
      { name: "short" },
      { name: "next" },
    ]);
    for (const size of [1, 100, 65_536]) {
      expect(walk(tar, size)).toMatchObject({ codes: [], entries: [{ name: long }, { name: "next" }] });
    }
  });

  test("refuses a wrong checksum, also one that is right as a signed sum", () => {
    expect(codesOf({ name: "a", afterChecksum: (header) => header.set(bytesOf("b"), 0) })).toEqual([
      "tar_bad_checksum",
    ]);
    const signed: RawEntry = {
      name: "\u00e4",
      afterChecksum: (header) => {
        header.fill(0x20, 148, 156);
        const sum = header.reduce((total, byte) => total + (byte > 127 ? byte - 256 : byte), 0);
        header.set(bytesOf(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
      },
    };
    expect(codesOf(signed)).toEqual(["tar_bad_checksum"]);
  });

  test.each([
    ["base-256", new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])],
    ["negative", "-0000000001\0"],
    ["decimal", "00000000009\0"],
    ["empty", "\0".repeat(12)],
    ["unterminated", "000000000001"],
    ["only spaces", " ".repeat(12)],
    ["led by a tab", "\t0000000001\0"],
    ["led by a NUL", "\x000000000001\0"],
    ["followed by text", "0000001\0junk"],
  ])("refuses a size that is %s", (_, size) => {
    expect(codesOf(withField(124, size))).toEqual(["tar_bad_field"]);
  });

  test.each([
    ["mode", 100],
    ["uid", 108],
    ["gid", 116],
    ["mtime", 136],
  ])("names a malformed %s and goes on", (_, at) => {
    expect(walk(makeTar([withField(at, "8"), { name: "b" }]))).toMatchObject({
      codes: ["tar_bad_field"],
      entries: [{ name: "a" }, { name: "b" }],
    });
  });

  test("refuses bytes hidden after the end of a name or prefix", () => {
    expect(codesOf(withField(50, "x"))).toEqual(["tar_bad_field"]);
    expect(codesOf(withField(400, "x"))).toEqual(["tar_bad_field"]);
  });

  test("refuses dialects in which the prefix means something else", () => {
    expect(codesOf(withField(257, "ustar  \0", { prefix: "p" }))).toEqual(["tar_bad_field"]);
    expect(codesOf(withField(257, "ustar!!!"))).toEqual(["tar_bad_field"]);
    expect(codesOf(withField(508, "tar\0"))).toEqual(["tar_bad_field"]);
    expect(codesOf(withField(257, "ustar  \0"))).toEqual([]);
    expect(codesOf(withField(257, "\0".repeat(8)))).toEqual([]);
  });

  test.each(["1", "2", "3", "4", "6", "7", "K", "S", "V", "A"])("refuses type %s", (type) => {
    expect(codesOf({ name: "a", type, linkName: "b" })).toEqual(["entry_type_forbidden"]);
  });

  test("goes on after a forbidden entry and its content", () => {
    expect(walk(makeTar([{ name: "l", type: "K", content: "long" }, { name: "s", type: "2" }, { name: "b" }]))).toEqual(
      {
        codes: ["entry_type_forbidden", "entry_type_forbidden"],
        entries: [{ name: "b", kind: "file", content: "" }],
      },
    );
  });

  test.each([
    ["size", 124, "          1\0"],
    ["mode", 100, "   644 \0"],
    ["mtime", 136, " 4524770400 "],
    ["uid", 108, "   1750\0"],
  ])("reads a %s that is padded with spaces", (_, at, text) => {
    expect(walk(makeTar([withField(at, text), { name: "b" }]))).toMatchObject({
      codes: [],
      entries: [{ name: "a", content: "x" }, { name: "b" }],
    });
  });

  const owners = [
    ["uid", 108],
    ["gid", 116],
    ["devmajor", 329],
    ["devminor", 337],
  ] as const;

  test.each(owners)("reads a large %s in base-256 or in octal digits without an end", (_, at) => {
    const numbers = [[0x80, 0, 0, 0, 0, 0x20, 0, 0], [0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], bytesOf("13343300")];
    for (const number of numbers) expect(codesOf(withField(at, new Uint8Array(number)))).toEqual([]);
  });

  test.each(owners)("refuses a %s in base-256 that is negative or above 32 bits", (_, at) => {
    const negative = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe];
    for (const number of [negative, [0x80, 0, 0, 1, 0, 0, 0, 0], [0x81, 0, 0, 0, 0, 0, 0, 5]])
      expect(codesOf(withField(at, new Uint8Array(number)))).toEqual(["tar_bad_field"]);
  });

  test.each([
    ["mode", 100, 8],
    ["size", 124, 12],
    ["mtime", 136, 12],
  ])("refuses a %s in base-256", (_, at, bytes) => {
    const number = new Uint8Array(bytes).fill(0x80, 0, 1).fill(1, bytes - 1);
    expect(codesOf(withField(at, number))).toEqual(["tar_bad_field"]);
  });

  test("accepts the times that npm's tar puts behind a short prefix", () => {
    const times = "14524770400\x0014524770400\0";
    expect(walk(makeTar([withField(476, times, { prefix: "p".repeat(130) })]))).toMatchObject({
      codes: [],
      entries: [{ name: `${"p".repeat(130)}/a` }],
    });
    expect(codesOf(withField(476, times))).toEqual([]);
    expect(codesOf(withField(475, `x${times}`))).toEqual(["tar_bad_field"]);
    expect(codesOf(withField(476, "junk\0"))).toEqual(["tar_bad_field"]);
    expect(codesOf(withField(476, times, { prefix: "p\0junk" }))).toEqual(["tar_bad_field"]);
  });

  test("stops where readers disagree how long an entry is", () => {
    expect(walk(makeTar([{ name: "l", type: "2", content: "x" }, { name: "b" }]))).toEqual({
      codes: ["entry_type_forbidden"],
      entries: [],
    });
    expect(walk(makeTar([{ name: "d", type: "5", size: 512 }, { name: "b" }]))).toEqual({
      codes: ["tar_bad_field"],
      entries: [],
    });
  });

  const long = `${"d/".repeat(60)}ä`;
  const longName = (name = long, entry: Partial<RawEntry> = {}): RawEntry => {
    return { name: "././@LongLink", type: "L", content: `${name}\0`, ...entry };
  };

  test("uses a GNU long name for one file or directory only", () => {
    for (const size of [1, 100, 65_536]) {
      const tar = makeTar([
        longName(),
        { name: "cut" },
        { name: "next" },
        longName(`${long}/`),
        { name: "d", type: "5" },
      ]);
      expect(walk(tar, size)).toMatchObject({
        codes: [],
        entries: [
          { name: long, kind: "file" },
          { name: "next", kind: "file" },
          { name: `${long}/`, kind: "directory" },
        ],
      });
    }
    expect(walk(makeTar([longName("", { content: long }), { name: "cut" }])).entries[0]?.name).toBe(long);
  });

  test("uses a GNU long name together with a PAX header that has no path", () => {
    const pax = paxEntry({ mtime: "1.5" });
    for (const headers of [
      [longName(), pax],
      [pax, longName()],
    ])
      expect(walk(makeTar([...headers, { name: "cut" }]))).toMatchObject({ codes: [], entries: [{ name: long }] });
  });

  test.each([
    ["two", [longName(), longName()]],
    ["one before a PAX path", [longName(), paxEntry({ path: "other" })]],
    ["one behind a PAX path", [paxEntry({ path: "other" }), longName()]],
    ["an empty one", [longName("")]],
    ["one with bytes behind its end", [longName("a\0b")]],
    ["one with bytes in its padding", [longName("a", { content: "a\0hidden", size: 2 })]],
    ["one with a long link", [longName(), longName("l", { type: "K" })]],
  ])("refuses %s as GNU long names", (_, headers) => {
    const { codes } = walk(makeTar([...headers, { name: "cut" }]));
    expect(codes[0]).toBe("entry_type_forbidden");
  });

  test("refuses a GNU long name without an entry, or above 8 KiB", () => {
    expect(codesOf(longName())).toEqual(["tar_bad_end"]);
    expect(codesOf(longName("a".repeat(9_000)), { name: "cut" })).toEqual(["name_too_long"]);
  });

  const global = (records: Record<string, string>): RawEntry => ({ ...paxEntry(records), type: "g" });

  test("ignores a comment in a global PAX header, as git archive writes it", () => {
    const tar = makeTar([global({ comment: "a71be4a" }), paxEntry({ path: long }), { name: "a" }, { name: "b" }]);
    for (const size of [1, 100, 65_536])
      expect(walk(tar, size)).toMatchObject({ codes: [], entries: [{ name: long }, { name: "b" }] });
  });

  test.each([
    ["with another key", [global({ path: "evil" })]],
    ["with a comment and another key", [global({ comment: "c", size: "1" })]],
    ["behind another", [global({ comment: "c" }), global({ comment: "d" })]],
    ["behind a PAX header", [paxEntry({ path: "x" }), global({ comment: "c" })]],
    ["behind a GNU long name", [longName(), global({ comment: "c" })]],
    ["above 8 KiB", [global({ comment: "c".repeat(9_000) })]],
  ])("refuses a global PAX header %s", (_, headers) => {
    expect(codesOf(...headers, { name: "a" })).toEqual(["entry_type_forbidden"]);
  });

  test("refuses a global PAX header before the end, where Python fails", () => {
    expect(codesOf({ name: "a" }, global({ comment: "c" }))).toEqual(["tar_bad_end"]);
  });

  test.each([
    "comment",
    "LIBARCHIVE.creationtime",
    "LIBARCHIVE.xattr.com.apple.provenance",
    "SCHILY.xattr.user.note",
    "SCHILY.acl.access",
    "SCHILY.fflags",
    "SCHILY.dev",
    "SCHILY.ino",
    "SCHILY.nlink",
    "RHT.security.selinux",
  ])("ignores the PAX key %s", (key) => {
    for (const value of ["1", "", "\u0001\u0002\0macOS"])
      expect(walk(makeTar([paxEntry({ [key]: value }), { name: "a" }]))).toMatchObject({
        codes: [],
        entries: [{ name: "a" }],
      });
  });

  test.each(["SCHILY.realsize", "SCHILY.filetype", "SCHILY.xattr.a\0b", "GNU.sparse.major", "VENDOR.key", "charset"])(
    "refuses the PAX key %j",
    (key) => expect(codesOf(paxEntry({ [key]: "1" }), { name: "a" })).toEqual(["tar_bad_pax"]),
  );

  describe("with the NUL type of Unix V7", () => {
    const old = (name: string, entry: Partial<RawEntry> = {}): RawEntry => ({ name, type: "\0", ...entry });

    test("reads a name that ends with a slash as a directory", () => {
      expect(walk(makeTar([old("d/"), old("d/f")])).entries).toMatchObject([
        { name: "d/", kind: "directory" },
        { name: "d/f", kind: "file" },
      ]);
      expect(codesOf(old("d/", { content: "x" }))).toEqual(["tar_bad_field"]);
    });

    test.each([
      ["a PAX path", (name: string) => paxEntry({ path: name })],
      ["a GNU long name", longName],
    ])("refuses %s that makes a directory of a file, or the other way", (_, rename) => {
      expect(codesOf(rename("d"), old("d/"))).toEqual(["tar_bad_field"]);
      expect(codesOf(rename("d/"), old("d"))).toEqual(["tar_bad_field"]);
      expect(codesOf(rename("d/"), old("e/"))).toEqual([]);
      expect(codesOf(rename("d"), old("e"))).toEqual([]);
    });

    test("refuses a lone slash, which GNU tar takes for a file", () => {
      expect(codesOf(old("/"))).toEqual(["tar_bad_field"]);
      expect(codesOf(paxEntry({ path: "/" }), old("d/"))).toEqual(["tar_bad_field"]);
    });

    test("reads an empty name behind a prefix as a file, as Python does", () => {
      expect(walk(makeTar([old("", { prefix: "p" })])).entries).toMatchObject([{ name: "p/", kind: "file" }]);
    });
  });

  test("refuses unknown PAX keys and repeated ones", () => {
    expect(codesOf(paxEntry({ linkpath: "x" }), { name: "a" })).toEqual(["tar_bad_pax"]);
    expect(codesOf(paxEntry({ "GNU.sparse.size": "1" }), { name: "a" })).toEqual(["tar_bad_pax"]);
    expect(codesOf(paxEntry({ hdrcharset: "KOI8-R" }), { name: "a" })).toEqual(["tar_bad_pax"]);
    expect(codesOf({ name: "x", type: "x", content: "9 path=a\n9 path=b\n" }, { name: "a" })).toEqual(["tar_bad_pax"]);
  });

  test.each(["path=a\n", "8 path=a\n", "99 path=a\n", "9 path=ab", "09 path=a\n", "0 ", "5 =a\n", "5 ab\n"])(
    "refuses the PAX record %j",
    (record) => {
      const codes = codesOf({ name: "x", type: "x", content: record }, { name: "a" });
      expect(codes).toEqual(["tar_bad_pax"]);
    },
  );

  test("refuses a PAX size other than the header's and accepts the same", () => {
    expect(codesOf(paxEntry({ size: "0" }), { name: "a", content: "x" })).toEqual(["tar_bad_pax"]);
    expect(codesOf(paxEntry({ size: "0x1" }), { name: "a", content: "x" })).toEqual(["tar_bad_pax"]);
    expect(codesOf(paxEntry({ size: "1" }), { name: "a", content: "x" })).toEqual([]);
  });

  test("refuses PAX headers without an entry, doubled, or too large", () => {
    expect(codesOf(paxEntry({ path: "a" }))).toEqual(["tar_bad_end"]);
    expect(codesOf(paxEntry({ path: "a" }), paxEntry({ path: "b" }), { name: "c" })).toEqual(["tar_bad_pax"]);
    expect(codesOf(paxEntry({ path: "a".repeat(9_000) }), { name: "c" })).toEqual(["tar_bad_pax"]);
  });

  test("accepts any number of zeros after the end and nothing else", () => {
    const end = (bytes: Uint8Array) => walk(makeTar([{ name: "a" }], { end: bytes })).codes;
    expect(end(new Uint8Array(10_240))).toEqual([]);
    expect(end(concat([new Uint8Array(2_000), bytesOf("x")]))).toEqual(["tar_bad_end"]);
    expect(end(concat([new Uint8Array(512), makeTar([{ name: "b" }])]))).toEqual(["tar_bad_end"]);
    expect(end(concat([new Uint8Array(1_024), makeTar([{ name: "b" }])]))).toEqual(["tar_bad_end"]);
  });

  test("names the entry in or after which a tar is cut", () => {
    const walker = new TarWalker({ entry() {}, content() {}, entryEnd() {}, problem() {} });
    walker.push(plain.subarray(0, 1_800));
    expect(() => walker.end()).toThrow('the tar ends too early in or after entry "dir/block"');
  });

  test("reports truncation for a tar that ends anywhere before its two zero blocks", () => {
    for (const length of [0, 100, 512, 700, plain.length - 1_024, plain.length - 512, plain.length - 1]) {
      expect(walk(plain.subarray(0, length)).codes).toEqual(["tar_truncated"]);
    }
  });
});
