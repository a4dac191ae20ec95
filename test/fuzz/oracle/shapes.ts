import { bytesOf, makeTar, paxEntry, type RawEntry } from "../../support/archive-maker.ts";
import { oneOf, type Random } from "../../support/random.ts";
import { type Member, membersOf, textAt, withChecksumText, withField } from "./members.ts";
import { type Mutation, ofOne } from "./mutations.ts";

/*
 * Shapes that honest packers write and that only some readers know, each with its mutations. Most
 * mutations of a shape are what the packer writes or nearly so; the rest is what an attacker would
 * try to make two readers disagree.
 */

const OWNERS = [
  [108, 8],
  [116, 8],
  [329, 8],
  [337, 8],
] as const;
const NUMBERS = [[100, 8], ...OWNERS, [124, 12], [136, 12]] as const;
const TYPE_AT = 156;
const NAME = [0, 100] as const;

const LONG = `docs/${"long-folder/".repeat(8)}${"name".repeat(6)}`;

function insert(entries: readonly RawEntry[]): Member[] {
  return membersOf(makeTar(entries));
}

function base256(value: number, length: number, first: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let rest = value;
  for (let at = length - 1; at > 0; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[0] = first;
  return bytes;
}

/** Owners and devices as GNU tar, Python and bsdtar write them above 2097151. */
function largeOwner(member: Member, random: Random): Member {
  const [at, length] = oneOf(random, OWNERS);
  const value = oneOf(random, [
    2_097_152,
    3_000_000,
    2 ** 31,
    2 ** 32 - 2,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 40,
    random(2 ** 31),
  ]);
  const octal = value.toString(8);
  const forms = [
    base256(value, length, 0x80),
    base256(value, length, 0x80),
    base256(value, length, oneOf(random, [0xff, 0x81, 0xc0, 0])),
    new Uint8Array(length).fill(0xff),
    octal.padStart(length, "0").slice(-length),
    octal.padStart(length, " ").slice(-length),
    `${octal.slice(-6)} \0`,
  ] as const;
  return withField(member, at, length, oneOf(random, forms));
}

function longNameHeader(random: Random): RawEntry {
  const name = oneOf(random, [LONG, LONG, `./${LONG}`, `${LONG}/`, `${LONG}ä`, "short", ".", "/", "", "a\\b", "../x"]);
  const content = oneOf(random, [
    `${name}\0`,
    `${name}\0`,
    `${name}\0`,
    name,
    `${name}\0\0\0`,
    `${name}\0x`,
    `${name}x`,
  ]);
  const size = oneOf(random, [undefined, undefined, undefined, name.length, name.length + 1, bytesOf(name).length]);
  return { name: "././@LongLink", type: "L", content, ...(size === undefined ? {} : { size }) };
}

/** A GNU long name before a member, alone or beside other headers of it. */
function longName(member: Member, random: Random): readonly Member[] {
  const pax = paxEntry(
    oneOf(random, [{ mtime: "1.5" }, { uid: "1" }, { path: LONG }, { path: "other" }, { comment: "c" }]),
  );
  const headers: RawEntry[] = [longNameHeader(random)];
  const beside = random(10);
  if (beside === 0) headers.push(longNameHeader(random));
  if (beside === 1) headers.push(pax);
  if (beside === 2) headers.unshift(pax);
  if (beside === 3) headers.push({ name: "././@LongLink", type: "K", content: "link\0" });
  if (beside === 4) headers.unshift(globalHeader(random));
  if (beside === 5) headers.push(globalHeader(random));
  const named = random(3) === 0 ? member : withField(member, ...NAME, LONG.slice(0, 100 - random(3)));
  return [...insert(headers), withType(named, random)];
}

function withType(member: Member, random: Random): Member {
  return random(4) === 0 ? withField(member, TYPE_AT, 1, oneOf(random, ["0", "5", "\0", "\0"])) : member;
}

function globalHeader(random: Random): RawEntry {
  const comment = { comment: oneOf(random, ["a71be4a32e66e63e68c7f380bec5e5a9bba430bd", "", "a\nb", "a=b", "a\0b"]) };
  const others = oneOf(random, [
    { path: "evil" },
    { size: "1" },
    { mtime: "1" },
    { uid: "5" },
    { "GNU.sparse.major": "1" },
  ]);
  const records = random(5) === 0 ? { ...comment, ...others } : comment;
  return { ...paxEntry(records), name: "pax_global_header", type: "g" };
}

/** The header of `git archive`, at the start or elsewhere. */
function globalComment(members: readonly Member[], random: Random): readonly Member[] {
  const at = random(2) === 0 ? 0 : random(members.length + 1);
  const headers = random(8) === 0 ? [globalHeader(random), globalHeader(random)] : [globalHeader(random)];
  return members.toSpliced(at, 0, ...insert(headers));
}

const IGNORED_KEYS = [
  "LIBARCHIVE.creationtime",
  "LIBARCHIVE.xattr.com.apple.provenance",
  "LIBARCHIVE.symlinktype",
  "SCHILY.xattr.user.note",
  "SCHILY.xattr.com.apple.quarantine",
  "SCHILY.fflags",
  "SCHILY.dev",
  "SCHILY.ino",
  "SCHILY.nlink",
  "SCHILY.acl.access",
  "SCHILY.acl.default",
  "RHT.security.selinux",
  "comment",
] as const;
const OTHER_KEYS = ["SCHILY.realsize", "SCHILY.filetype", "GNU.sparse.realsize", "linkpath"] as const;
const VALUES = [
  "",
  "1",
  "-1",
  "AQIAbWFjT1M",
  "hidden",
  "\u0001\u0002\0macOS",
  "a\nb",
  "a=b",
  "ä",
  "1".repeat(30),
  "%41",
] as const;

/** Extended attributes, flags and inode numbers as bsdtar, macOS, GNU tar and npm's tar write them. */
function attributes(member: Member, random: Random): readonly Member[] {
  const records: Record<string, string> = random(2) === 0 ? { mtime: "1700000000.123456789" } : {};
  for (let count = random(4); count >= 0; count--) records[oneOf(random, IGNORED_KEYS)] = oneOf(random, VALUES);
  if (random(10) === 0) records[oneOf(random, OTHER_KEYS)] = oneOf(random, ["1", "junk"]);
  if (random(6) === 0) records.hdrcharset = oneOf(random, ["BINARY", "BINARY", "BINARY", "junk"]);
  if (random(4) === 0) records.path = oneOf(random, [LONG, "templates/new", "./n", "docs/größe"]);
  return [...insert([paxEntry(records)]), member];
}

/** Access and change times behind a short prefix, as npm's tar writes them. */
function times(member: Member, random: Random): Member {
  const honest = ["14524770400\0", "1452477040 \0", "14524770400 ", ""] as const;
  const time = () =>
    random(8) === 0 ? oneOf(random, ["junk", "\u0080", " 1\0", "145247704007"]) : oneOf(random, honest);
  const prefixes = ["docs", "p".repeat(130), "./docs"] as const;
  const prefix = random(6) === 0 ? oneOf(random, ["p".repeat(131), "p\0hidden"]) : oneOf(random, prefixes);
  const ustar =
    random(6) === 0 ? member : withField(member, 257, 8, oneOf(random, ["ustar\x0000", "ustar\x0000", "ustar\0\0\0"]));
  const changed = withField(withField(ustar, 476, 12, time()), 488, 12, time());
  const tail = random(8) === 0 ? oneOf(random, ["\0\0\0\0\0\0\0\0tar\0", "x"]) : "";
  return withField(withField(changed, 500, 12, tail), 345, 131, random(2) === 0 ? "" : prefix);
}

/** Numbers that are padded with spaces, as Perl writes them and old tars wrote them. */
function padded(member: Member, random: Random): Member {
  let changed = member;
  for (let count = random(7); count >= 0; count--) {
    const [at, length] = oneOf(random, NUMBERS);
    const digits =
      textAt(member.header, at, length)
        .trim()
        .replace(/^0+(?=.)/, "") || "0";
    const end = random(12) === 0 ? "" : oneOf(random, ["\0", " ", " \0", "\0\0", "\0 "]);
    const fill = random(12) === 0 ? "\t" : oneOf(random, [" ", " ", "0"]);
    changed = withField(changed, at, length, digits.padStart(length - end.length, fill) + end);
  }
  const forms = [
    (sum: string) => `${sum.padStart(6, " ")}\0\0`,
    (sum: string) => `${sum.padStart(6, " ")}\0 `,
  ] as const;
  const more = [(sum: string) => `${sum.padStart(7, "0")}\0`, (sum: string) => sum.padStart(8, " ")] as const;
  return random(2) === 0 ? changed : withChecksumText(changed, oneOf(random, [...forms, ...more]));
}

/** The folder of the package itself, as Python writes it under an empty name. */
function root(members: readonly Member[], random: Random): readonly Member[] {
  const name = random(3) === 0 ? oneOf(random, ["//", "/.", ".//", "", "\\"]) : oneOf(random, ["/", "/", ".", "./"]);
  const entry = { name, type: random(3) === 0 ? oneOf(random, ["0", "\0"]) : "5" };
  const renamed =
    random(5) === 0 ? [paxEntry({ path: oneOf(random, ["/", ".", "./"]) }), { ...entry, name: "root" }] : [entry];
  const others = random(4) !== 0 ? members.filter(({ header }) => !/^\.?\/?$/.test(textAt(header, 0, 100))) : members;
  return others.toSpliced(random(3) === 0 ? random(others.length + 1) : 0, 0, ...insert(renamed));
}

/** A directory without a type, as Unix V7 marked it. */
function oldDirectory(members: readonly Member[], random: Random): readonly Member[] {
  const name = oneOf(random, ["old/", "old/", "./old/", "old", "old//", "templates/", "old\\", "/"]);
  const prefix = oneOf(random, ["", "", "", "", "docs", "p/"]);
  const renames = [[paxEntry({ path: "new/" })], [paxEntry({ path: "new" })], [paxEntry({ mtime: "1" })]] as const;
  const before = random(3) === 0 ? oneOf(random, [...renames, [longNameHeader(random)]]) : [];
  const content = random(10) === 0 ? "x" : "";
  const magic = oneOf(random, ["\0".repeat(8), "\0".repeat(8), "ustar\x0000", "ustar  \0"]);
  const isOld = magic !== "ustar\x0000";
  const beforeChecksum = (header: Uint8Array) => header.set(bytesOf(magic), 257);
  const type = oneOf(random, ["\0", "\0", "\0", "0", "5"]);
  const directory = { name, type, content, beforeChecksum, ...(isOld ? {} : { prefix }) };
  const inside =
    random(2) === 0
      ? [{ name: `${name.replace(/[/\\]+$/, "")}/inside`, content: "x", type: oneOf(random, ["0", "\0"]) }]
      : [];
  return members.toSpliced(random(members.length + 1), 0, ...insert([...before, directory, ...inside]));
}

/** Names with `\` between segments, as the client packs on Windows. */
function backslashes(members: readonly Member[], random: Random): readonly Member[] {
  const all = random(2) === 0;
  return members.map((member) => {
    if (!all && random(3) !== 0) return member;
    const name = textAt(member.header, 0, 100);
    const start = random(4) === 0 ? 0 : Math.max(0, name.indexOf("./") === 0 ? 2 : 0);
    return withField(member, ...NAME, name.slice(0, start) + name.slice(start).replaceAll(/\/(?!$)/g, "\\"));
  });
}

/** The shapes by name, each with the mutation that makes it of an archive. */
export const SHAPES: Readonly<Record<string, Mutation>> = {
  "large owners": ofOne(largeOwner),
  "GNU long names": ofOne(longName),
  "global comments": globalComment,
  "ignored PAX keys": ofOne(attributes),
  "times behind a prefix": ofOne(times),
  "padded numbers": ofOne(padded),
  roots: root,
  "old directories": oldDirectory,
  backslashes: backslashes,
};
