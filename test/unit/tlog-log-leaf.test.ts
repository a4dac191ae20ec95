import { describe, expect, test } from "bun:test";
import { LEAF_MAX_BYTES, logLeaf, parseLeaf } from "../../src/tlog/leaf.ts";
import { type UnsignedLogEntry, unsignedLogText } from "../../src/tlog/log-leaf.ts";
import { type SignerKey, signatureLine, verifyNote } from "../../src/tlog/note.ts";
import { FIRST_LOG_KEY, newLogKey, vkeyOf } from "../support/log-keys.ts";

const [oldKey, newKey, freshKey] = [FIRST_LOG_KEY, newLogKey(), newLogKey("registry.test/fresh")];
const at = new Date("2026-11-29T12:00:00Z");
const until = new Date("2027-02-27T12:00:00Z");

const ROTATE = { action: "rotate", oldKey: vkeyOf(oldKey), newKey: vkeyOf(newKey), at, until } as const;
const START = {
  ...({ action: "start", oldKey: vkeyOf(oldKey), newKey: vkeyOf(freshKey), at } as const),
  ...{ size: 7, root: "ab".repeat(32) },
};

function signed(entry: UnsignedLogEntry, keys: readonly SignerKey[]): string {
  const text = unsignedLogText(entry);
  return logLeaf({ ...entry, signatures: keys.map((key) => signatureLine(text, key)).join("") });
}

describe("leaves of changes of the log", () => {
  test("a rotation and a new log are written as in docs/log-format.md, and read back", () => {
    const rotate = signed(ROTATE, [oldKey, newKey]);
    expect(rotate).toStartWith(
      `cpm.log/v1 rotate\nold ${vkeyOf(oldKey)}\nnew ${vkeyOf(newKey)}\nat 2026-11-29T12:00:00Z\nuntil 2027-02-27T12:00:00Z\n\n— registry.test/log `,
    );
    expect(parseLeaf(rotate)).toMatchObject({ kind: "log", ...ROTATE });
    const start = signed(START, [freshKey]);
    expect(start).toStartWith(
      `cpm.log/v1 start\nold ${vkeyOf(oldKey)}\nnew ${vkeyOf(freshKey)}\nsize 7\nroot ${"ab".repeat(32)}\nat 2026-11-29T12:00:00Z\n\n— registry.test/fresh `,
    );
    expect(parseLeaf(start)).toMatchObject({ kind: "log", ...START });
  });

  test("the leaf is a note that each of its keys signed, and no checkpoint", () => {
    const leaf = signed(ROTATE, [oldKey, newKey]);
    expect(verifyNote(leaf, [oldKey, newKey])?.signed).toEqual([oldKey, newKey]);
    expect(verifyNote(leaf.replace("until 2027", "until 2028"), [oldKey])).toBeUndefined();
  });

  test.each<[what: string, change: (leaf: string) => string]>([
    ["without a signature", (leaf) => leaf.slice(0, leaf.indexOf("\n\n") + 1)],
    ["with an empty list of signatures", (leaf) => leaf.slice(0, leaf.indexOf("\n\n") + 2)],
    ["with another line", (leaf) => leaf.replace("\nuntil", "\nalso this\nuntil")],
    ["without an end of both keys", (leaf) => leaf.replace(/until .*\n/, "")],
    ["with a time in another form", (leaf) => leaf.replace("12:00:00Z", "12:00Z")],
    ["with a key that is none", (leaf) => leaf.replace(/old .*\n/, "old registry.test/log+00000000+AAAA\n")],
    ["of another kind", (leaf) => leaf.replace("rotate", "reset")],
    ["with a size in a rotation", (leaf) => leaf.replace("\nat ", "\nsize 7\nat ")],
    ["with words after it", (leaf) => `${leaf}more\n`],
  ])("a leaf %s is none", (_, change) => {
    const leaf = signed(ROTATE, [oldKey, newKey]);
    expect(change(leaf)).not.toBe(leaf);
    expect(parseLeaf(change(leaf))).toBeUndefined();
  });

  test("the longest origin that log rotate-key takes fits into a leaf", () => {
    const [one, two] = [newLogKey("a".repeat(140)), newLogKey("a".repeat(140))];
    const leaf = signed({ ...ROTATE, oldKey: vkeyOf(one), newKey: vkeyOf(two) }, [one, two]);
    expect(Buffer.byteLength(leaf)).toBeLessThanOrEqual(LEAF_MAX_BYTES);
  });
});
