import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foldName } from "../../src/domain/package-name.ts";
import { decodeState, encodeState, firstState } from "../../src/verify/audit-state.ts";
import { DigestTable } from "../../src/verify/digest-table.ts";
import { PackageHistories } from "../../src/verify/package-histories.ts";
import type { PackageHistory } from "../../src/verify/package-history.ts";

/* What an audit keeps of the leaves so far, in memory and in the file for the next audit. */

describe("a digest table", () => {
  const entries = fc.array(fc.tuple(fc.string({ maxLength: 3 }), fc.nat()), { maxLength: 400 });

  test("a digest table finds what a map finds, also after it was written and read", () => {
    fc.assert(
      fc.property(entries, entries, (before, after) => {
        const [expected, table] = [new Map<string, number>(), new DigestTable(1)];
        const add = (into: DigestTable, [text, value]: [string, number]) => {
          expect(into.set(text, [value])).toBe(!expected.has(text));
          expected.set(text, value);
        };
        for (const entry of before) add(table, entry);
        const read = DigestTable.decode(1, table.encode());
        if (read === undefined) throw new Error("What was written cannot be read");
        for (const entry of after) add(read, entry);
        expect(read.size).toBe(expected.size);
        for (const [text, value] of expected) expect(read.get(text)?.[0]).toBe(value);
        expect(read.get("a text that is too long for the arbitrary")).toBeUndefined();
      }),
    );
  });

  test("a digest table of hundreds of thousands of texts finds each again, and writes 16 bytes for each", () => {
    const [table, count] = [new DigestTable(0), 200_000];
    for (let at = 0; at < count; at += 1) expect(table.set(`package-${at} 1.0.0`)).toBe(true);
    for (let at = 0; at < count; at += 997) expect(table.set(`package-${at} 1.0.0`)).toBe(false);
    expect(table.size).toBe(count);
    expect(table.encode().length).toBe(16 * count);
  });

  test("bytes that end inside of an entry are no digest table", () => {
    const table = new DigestTable(2);
    table.set("one", [1, 2]);
    expect(DigestTable.decode(2, table.encode().subarray(0, -4))).toBeUndefined();
  });
});

const [KEY, OTHER] = ["ab".repeat(32), "cd".repeat(32)];
const PLAIN: PackageHistory = { name: "plain", active: [KEY], compromised: [], seq: 0, previous: OTHER };
const RESET = { publicKey: OTHER, atMs: 1_700_000_000_000, upheld: true };
const SPELLINGS = ["other_spelling", "a.b_c-d", "_x-", "a-".repeat(25), "a.".repeat(20)];
const UNCHANGED = [PLAIN, ...SPELLINGS.map((name) => ({ ...PLAIN, name }))];
const CHANGED: readonly PackageHistory[] = [
  { ...PLAIN, name: "a._".repeat(20) },
  { ...PLAIN, name: "two-keys", active: [KEY, OTHER], seq: 1 },
  { ...PLAIN, name: "distrusted", compromised: [{ publicKey: OTHER, since: null }], seq: 2 },
  { ...PLAIN, name: "resetting", seq: 1, reset: RESET },
];

test("package histories give back what they were given, whichever changes a package has seen", () => {
  const histories = PackageHistories.empty();
  for (const history of [...UNCHANGED, ...CHANGED]) histories.set(foldName(history.name), history);
  const { unchanged, changed } = histories.encode();
  expect(changed).toHaveLength(CHANGED.length);
  const read = PackageHistories.decode(new Uint8Array(unchanged), JSON.parse(JSON.stringify(changed)));
  for (const of of [histories, read]) {
    for (const history of [...UNCHANGED, ...CHANGED]) expect(of?.get(foldName(history.name))).toEqual(history);
    expect(of?.get("unknown")).toBeUndefined();
    of?.set("plain", { ...PLAIN, seq: 1, active: [OTHER] });
    expect(of?.get("plain")).toMatchObject({ seq: 1, active: [OTHER] });
  }
});

test("an audit's state is read as it was written, and not with any of its bytes changed", () => {
  const state = firstState(true);
  const { history } = state;
  for (const each of [PLAIN, ...CHANGED]) history.packages.set(foldName(each.name), each);
  for (const version of ["1.0.0", "1.1.0"]) history.versions.set(`plain ${version}`);
  history.sequences.set("yank plain 1.0.0", [7, 1]);
  history.statuses.set("plain 1.0.0", [2]);
  const looked = { atMs: 5, size: 3 };
  const nodes = [{ level: 1, hash: Buffer.alloc(32, 3) }];
  const frontier = { size: 2, nodes, edges: [[Buffer.alloc(32, 4)], []] };
  const file = Buffer.concat(encodeState({ ...state, frontier, looked }));
  const read = decodeState(file);
  expect([read?.frontier, read?.looked, read?.withArchives]).toEqual([frontier, looked, true]);
  expect(read?.history.versions.set("plain 1.1.0")).toBe(false);
  expect([...(read?.history.sequences.get("yank plain 1.0.0") ?? [])]).toEqual([7, 1]);
  expect(read?.history.statuses.get("plain 1.0.0")?.[0]).toBe(2);
  for (const each of CHANGED) expect(read?.history.packages.get(foldName(each.name))).toEqual(each);
  for (let at = 0; at < file.length; at += 1) {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] ?? 0) ^ 0x20;
    expect([at, decodeState(changed)]).toEqual([at, undefined]);
    expect([at, decodeState(file.subarray(0, at))]).toEqual([at, undefined]);
  }
});
