import { describe, expect, test } from "bun:test";
import { inspectArchive } from "../../src/archive/inspect.ts";
import { DEFAULT_ARCHIVE_LIMITS } from "../../src/domain/limits.ts";
import { Failure } from "../../src/errors.ts";
import { bytesOf, chunked, makeArchive, paxEntry, type RawEntry } from "../support/archive-maker.ts";
import { soundAnd } from "./hostile-case.ts";

/* What the messages about refused archives say: the entry, and the option of the packer that helps. */

async function messagesOf(...entries: readonly RawEntry[]): Promise<string[]> {
  try {
    await inspectArchive(chunked(makeArchive(soundAnd(...entries))), DEFAULT_ARCHIVE_LIMITS);
    return [];
  } catch (error) {
    if (!(error instanceof Failure) || error.error.code !== "archive_rejected") throw error;
    return error.error.faults.map((fault) => fault.message);
  }
}

const entry: RawEntry = { name: "docs/a.txt", content: "x" };
const longName: RawEntry = { name: "././@LongLink", type: "L", content: "docs/a.txt\0" };

function withField(at: number, bytes: string | Uint8Array): RawEntry {
  return { ...entry, beforeChecksum: (header) => header.set(bytesOf(bytes), at) };
}

function gnuTimes(header: Uint8Array): void {
  header.set(bytesOf("ustar  \0"), 257);
  header.set(bytesOf("14524770400\x0014524770400\0"), 345);
}

const ADVICE: readonly (readonly [what: string, option: string, ...entries: RawEntry[]])[] = [
  ["a symbolic link", "tar -h (--dereference)", { ...entry, type: "2", content: "" }],
  ["a hard link", "--hard-dereference", { ...entry, type: "1", content: "" }],
  ["the name of a volume", "without --label", { ...withField(124, new Uint8Array(12)), type: "V", content: "" }],
  ["a sparse file", "without --sparse", { ...entry, type: "S" }],
  ["a sparse file in a PAX header", "--no-read-sparse", paxEntry({ "GNU.sparse.major": "1" }), entry],
  ["a PAX key that nobody knows", "--format=pax --no-xattrs", paxEntry({ "VENDOR.key": "1" }), entry],
  [
    "a PAX header that is too large",
    "COPYFILE_DISABLE=1 tar --no-xattrs",
    { ...paxEntry({ "SCHILY.xattr.com.apple.x": "x".repeat(9_000) }), name: "docs/a.txt" },
    entry,
  ],
  ["a global PAX header with a path", "without --pax-option", { ...paxEntry({ path: "b" }), type: "g" }, entry],
  ["a GNU long name beside a PAX path", "--format=pax", longName, paxEntry({ path: "docs/a.txt" }), entry],
  ["a GNU header with access times", "--format=pax", { ...entry, beforeChecksum: gnuTimes }],
  ["a time before 1970", "--format=pax", withField(136, new Uint8Array(12).fill(0xff))],
  ["an owner above 32 bits", "--format=pax", withField(108, new Uint8Array([0x80, 0, 0, 1, 0, 0, 0, 0]))],
  ["an absolute path", "tar -C folder .", { ...entry, name: "/docs/a.txt" }],
];

describe("the message about a refused entry", () => {
  test.each(ADVICE)("names the entry and the option that helps: %s: %s", async (_what, option, ...entries) => {
    const messages = await messagesOf(...entries);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('docs/a.txt" ');
    expect(messages[0]).toContain(option);
  });

  test.each(ADVICE.filter(([what]) => !/sparse file$|too large|a volume/.test(what)))(
    "is the only one for twenty entries, with their count: %s",
    async (_what, option, ...entries) => {
      const many = Array.from({ length: 20 }, (_, index) => {
        return entries.map((one) => (one.type === undefined || "12".includes(one.type) ? renamed(one, index) : one));
      });
      const about = (await messagesOf(...many.flat())).filter((message) => message.includes(option));
      expect(about).toHaveLength(1);
      expect(about[0]).toContain(" (and 19 more: ");
    },
  );
});

function renamed(one: RawEntry, index: number): RawEntry {
  return { ...one, name: `${one.name}${index}` };
}
