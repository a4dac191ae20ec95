import { bytesOf, concat, makeTar, paxEntry } from "../../support/archive-maker.ts";
import { oneOf, type Random } from "../../support/random.ts";
import { gzipOf } from "./gzip-forms.ts";
import { type Member, membersOf, tarOf, textAt, withContent, withField } from "./members.ts";

/*
 * Mutations of real archives that old and new packers could have made, and similar ones that
 * attackers would make. Every header keeps a correct checksum and every archive a correct CRC, so
 * that the mutation itself is tested.
 */

/** Changes the members of an archive. */
export type Mutation = (members: readonly Member[], random: Random) => readonly Member[];

type Field = readonly [at: number, length: number];

const NUMBER_FIELDS: readonly [Field, ...Field[]] = [
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [329, 8],
  [337, 8],
];
const TEXT_FIELDS: readonly [Field, ...Field[]] = [
  [157, 100],
  [265, 32],
  [297, 32],
  [345, 155],
  [500, 12],
];
const TEXTS = ["", "root", "ä", "\u0080", "a\0b", "../x", "x".repeat(200)] as const;
const PIECES = [
  "./",
  "a/",
  "ä",
  "é",
  "日本",
  "\u0301",
  "\\",
  "/",
  "..",
  ".",
  " ",
  "A",
  "-",
  "=",
  "[",
  "#",
  "\n",
] as const;
const MAGICS = ["ustar\x0000", "ustar  \0", "\0".repeat(8), "ustar\0\0\0", "ustar  00"] as const;
const PAX_VALUES: Readonly<Record<string, readonly [string, ...string[]]>> = {
  path: ["templates/new", "./pax", `${"lang/".repeat(10)}ä`, "x".repeat(180), "", "dir/", "a\\b", "a=b", " a", "é\n"],
  size: ["0", "1", "00", "+1", "1 ", ""],
  mtime: [
    "0",
    "1.5",
    "1700000000.123456789",
    "-1",
    "-1.25",
    "",
    "soon",
    "1e9",
    "99999999999999999999",
    " 1",
    "1.",
    ".5",
  ],
  atime: ["1700000000", "1.000000000000001", "x", "1.x"],
  ctime: ["1700000000.5", "--1"],
  uid: ["0", "1000", "4294967294", "4294967296", "-1", "x", "", "99999999999999999999", "0x10"],
  gid: ["0", "3000000", "9223372036854775808", " 7"],
  uname: ["root", "ä", "", "a\0b", "\udcff"],
  gname: ["staff", "x".repeat(300), "\0"],
  comment: ["hello"],
  "GNU.sparse.major": ["1"],
};
const ENDS = [1_024, 1_024, 10_240, 9 * 512, 1_024 + 100, 512, 0] as const;

/** Changes one member, chosen at random. */
export function ofOne(change: (member: Member, random: Random) => Member | readonly Member[]): Mutation {
  return (members, random) => {
    const at = random(members.length);
    return members.flatMap((member, index) => (index === at ? change(member, random) : [member]));
  };
}

/**
 * A number as some packer writes it: with zeros or spaces before it, with NULs or spaces after it,
 * or in base-256.
 */
function numberForm(member: Member, random: Random): Member {
  const [at, length] = oneOf(random, NUMBER_FIELDS);
  const digits = textAt(member.header, at, length)
    .trim()
    .replace(/^0+(?=.)/, "");
  const narrow = digits.padStart(length - 2, "0");
  const binary = new Uint8Array(length);
  binary[0] = 0x80;
  new DataView(binary.buffer).setUint32(length - 4, Number.parseInt(digits || "0", 8));
  const forms = oneOf(random, [
    `${narrow} \0`,
    `${narrow}\0 `,
    `${narrow}  `,
    `${narrow.slice(0, length - 4)}\0\0\0\0`,
    `${digits}\0`,
    `${digits.padStart(length - 1, " ")}\0`,
    digits.padStart(length, "0"),
    `${narrow}\0x`,
    binary,
    "",
  ]);
  return withField(member, at, length, forms);
}

function renamed(member: Member, random: Random): Member {
  const name = textAt(member.header, 0, 100);
  const at = oneOf(random, [0, 0, name.length, random(name.length + 1)]);
  return withField(member, 0, 100, name.slice(0, at) + oneOf(random, PIECES) + name.slice(at));
}

function withPrefix(member: Member, random: Random): Member {
  const name = textAt(member.header, 0, 100);
  const slash = name.lastIndexOf("/");
  const prefix = slash > 0 ? name.slice(0, slash) : oneOf(random, ["a", "a/b", "./a", "p".repeat(155), "a/", "/a"]);
  return withField(withField(member, 345, 155, prefix), 0, 100, name.slice(slash + 1));
}

function paxBefore(member: Member, random: Random): readonly Member[] {
  const keys = Object.keys(PAX_VALUES);
  const records: Record<string, string> = {};
  for (let count = random(3); count >= 0; count--) {
    const key = keys[random(keys.length)] ?? "path";
    records[key] = oneOf(random, PAX_VALUES[key] ?? [""]);
  }
  // Mostly correct, because a size that differs from the header is only one of many mistakes.
  if (records.size !== undefined && random(2) === 0) records.size = String(member.content.length);
  const entry = paxEntry(records);
  const type = random(12) === 0 ? oneOf(random, ["g", "X"]) : "x";
  return [...membersOf(makeTar([{ ...entry, type }])), member];
}

function longNameBefore(member: Member, random: Random): readonly Member[] {
  const entry = { name: "././@LongLink", type: oneOf(random, ["L", "K"]), content: `${"long/".repeat(22)}name\0` };
  return [...membersOf(makeTar([entry])), member];
}

/** Adds a member among the others: in their folders, beside them, or at the path of one of them. */
function added(members: readonly Member[], random: Random): readonly Member[] {
  const name = oneOf(random, [
    "new",
    "./new",
    "templates/new",
    "d/e/f/g",
    "values.yaml",
    "README.md",
    "d",
    "d/",
    "ö/ü",
  ]);
  const content = new Uint8Array(oneOf(random, [0, 1, 511, 512, 513, random(5_000)])).fill(random(256));
  const type = name.endsWith("/") ? "5" : oneOf(random, ["0", "0", "0", "5"]);
  const entry = { name, type, content: type === "5" ? "" : content };
  return members.toSpliced(random(members.length + 1), 0, ...membersOf(makeTar([entry])));
}

function moved(members: readonly Member[], random: Random): readonly Member[] {
  const from = random(members.length);
  const left = members.toSpliced(from, 1);
  return left.toSpliced(random(left.length + 1), 0, ...members.slice(from, from + 1));
}

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  ofOne(numberForm),
  ofOne(numberForm),
  ofOne(paxBefore),
  ofOne(paxBefore),
  ofOne(paxBefore),
  ofOne(longNameBefore),
  ofOne(renamed),
  ofOne(renamed),
  ofOne(withPrefix),
  ofOne((member, random) => withField(member, 257, 8, oneOf(random, MAGICS))),
  ofOne((member, random) => withField(member, 100, 8, `${random(0o10000).toString(8).padStart(7, "0")}\0`)),
  ofOne((member, random) =>
    withField(
      member,
      136,
      12,
      `${random(2 ** 32)
        .toString(8)
        .padStart(11, "0")}\0`,
    ),
  ),
  ofOne((member, random) =>
    withField(member, 156, 1, oneOf(random, ["\0", "0", "0", "5", "7", "1", "2", "S", "g", "D"])),
  ),
  ofOne((member, random) => withField(member, ...oneOf(random, TEXT_FIELDS), oneOf(random, TEXTS))),
  ofOne((member, random) =>
    withField(member, ...oneOf(random, TEXT_FIELDS), new Uint8Array([random(256), random(256)])),
  ),
  ofOne((member, random) => withField(member, random(512), 1, new Uint8Array([random(256)]))),
  ofOne((member, random) => ({ ...member, fill: random(256) })),
  ofOne((member, random) =>
    textAt(member.header, 0, 100).endsWith("values.yaml")
      ? withContent(member, bytesOf(`a: ${"1".repeat(random(3_000))}\n`))
      : member,
  ),
  ofOne((member) => [member, member]),
  added,
  added,
  added,
  moved,
  moved,
];

/**
 * Builds an archive that differs from its base in one to three members, in its end, and in its gzip
 * header. With a shape, most of these are mutations of the shape.
 */
export function mutated(base: Uint8Array, random: Random, shape?: Mutation): Uint8Array {
  let members: readonly Member[] = membersOf(base);
  for (let count = random(3); count >= 0; count--) {
    const mutation = shape !== undefined && random(4) !== 0 ? shape : oneOf(random, MUTATIONS);
    members = mutation(members, random);
  }
  if (shape !== undefined && random(2) === 0) return gzipOf(tarOf(members, new Uint8Array(1_024)), random);
  const end = new Uint8Array(random(4) === 0 ? oneOf(random, ENDS) : 1_024);
  const junk = random(30) === 0 ? membersOf(base).slice(0, 1) : [];
  return gzipOf(concat([tarOf(members, end), tarOf(junk, new Uint8Array(0))]), random);
}
