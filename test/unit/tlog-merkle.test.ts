import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  consistencyProof,
  consistencyRanges,
  EMPTY_ROOT,
  foldNodes,
  type Hash,
  inclusionProof,
  inclusionRanges,
  leafHash,
  nodeHash,
  nodesOf,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from "../../src/tlog/merkle.ts";
import { memoryTree } from "../support/memory-tree.ts";

/*
 * The test tree of Certificate Transparency, whose roots and proofs are in the tests of every
 * implementation.
 */

const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const LEAF_1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const LEAVES_2_3 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const LEAVES_4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const LEAVES_4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
const LEAVES_6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const root = (size: number): string => ROOTS[size - 1] ?? EMPTY_ROOT.toString("hex");

const ctTree = memoryTree(LEAVES.map((leaf) => Buffer.from(leaf, "hex")));
const hexes = (hashes: readonly Hash[]): string[] => hashes.map((hash) => hash.toString("hex"));

describe("the tree of Certificate Transparency", () => {
  test("trees have the known roots of Certificate Transparency", async () => {
    expect(EMPTY_ROOT.toString("hex")).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const roots = await Promise.all(LEAVES.map((_, at) => rootOf(at + 1, ctTree.read)));
    expect(hexes(roots)).toEqual(ROOTS);
  });

  test.each([
    [0, 1, []],
    [0, 8, [LEAF_1, LEAVES_2_3, LEAVES_4_7]],
    [5, 8, [LEAF_4, LEAVES_6_7, root(4)]],
    [2, 3, [root(2)]],
    [1, 5, [root(1), LEAVES_2_3, LEAF_4]],
  ])("the inclusion proof of leaf %d in a tree of %d is the known one", async (index, size, known) => {
    expect(hexes(await inclusionProof(index, size, ctTree.read))).toEqual(known);
  });

  test.each([
    [1, 1, []],
    [1, 8, [LEAF_1, LEAVES_2_3, LEAVES_4_7]],
    [6, 8, [LEAVES_4_5, LEAVES_6_7, root(4)]],
    [2, 5, [LEAVES_2_3, LEAF_4]],
    [0, 8, []],
  ])("the consistency proof from %d to %d is the known one", async (from, to, known) => {
    expect(hexes(await consistencyProof(from, to, ctTree.read))).toEqual(known);
  });
});

const LARGE = 2 ** 53 - 1;
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.maxSafeNat().filter((size) => size > 0),
);
const flip = (hash: Hash, bit: number): Hash => {
  const changed = Buffer.from(hash);
  changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return changed;
};

describe("ranges and nodes", () => {
  test("the nodes of a tree cover it without a gap, the largest first", () => {
    const covers = (size: number): void => {
      const nodes = nodesOf({ start: 0, end: size });
      let at = 0;
      for (const { level, index } of nodes) {
        expect(index * 2 ** level).toBe(at);
        at += 2 ** level;
      }
      expect(at).toBe(size);
      expect(nodes.map(({ level }) => level)).toEqual(nodes.map(({ level }) => level).toSorted((a, b) => b - a));
    };
    fc.assert(fc.property(sizes, covers));
    covers(LARGE);
    covers(2 ** 40);
  });

  test("the ranges of a proof, with the leaf or the old tree, cover the tree", () => {
    fc.assert(
      fc.property(sizes, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (size, share) => {
        const index = Math.floor(size * share);
        const ranges = [...inclusionRanges(index, size), { start: index, end: index + 1 }];
        const sorted = ranges.toSorted((a, b) => a.start - b.start);
        expect(sorted.map(({ start }) => start)).toEqual([0, ...sorted.slice(0, -1).map(({ end }) => end)]);
        expect(sorted.at(-1)?.end).toBe(size);
        for (const range of [...ranges, ...consistencyRanges(index + 1, size)]) {
          expect(nodesOf(range).length).toBeGreaterThan(0);
        }
      }),
    );
    expect(inclusionRanges(LARGE - 1, LARGE)).toHaveLength(52);
    expect(inclusionRanges(0, LARGE)).toHaveLength(53);
  });

  test("a range that is no subtree, leaf or prefix throws", () => {
    expect(() => nodesOf({ start: 1, end: 3 })).toThrow(RangeError);
    expect(() => nodesOf({ start: 0, end: 2 ** 53 })).toThrow(RangeError);
    expect(() => inclusionRanges(3, 3)).toThrow(RangeError);
    expect(() => inclusionRanges(-1, 3)).toThrow(RangeError);
    expect(() => inclusionRanges(0.5, 3)).toThrow(RangeError);
    expect(() => consistencyRanges(4, 3)).toThrow(RangeError);
    expect(foldNodes([])).toEqual(EMPTY_ROOT);
  });

  test("each proof takes one read", async () => {
    const asked: number[] = [];
    const read = (ids: Parameters<typeof ctTree.read>[0]) => {
      asked.push(ids.length);
      return ctTree.read(ids);
    };
    await rootOf(7, read);
    await inclusionProof(2, 7, read);
    await consistencyProof(3, 7, read);
    await rootOf(0, read);
    expect(asked).toEqual([3, 4, 5]);
    expect(rootOf(7, async () => [])).rejects.toThrow("requested 3 nodes, got 0");
  });
});

const tree = memoryTree(Array.from({ length: 70 }, (_, at) => Buffer.from(`leaf ${at}`)));
const within = (max: number) => fc.integer({ min: 0, max });

describe("verifying", () => {
  test("an inclusion proof is valid for its leaf and tree, and for nothing else", async () => {
    const inTree = within(69).chain((last) => fc.record({ index: within(last), size: fc.constant(last + 1) }));
    await fc.assert(
      fc.asyncProperty(inTree, within(255), fc.nat(), async ({ index, size }, bit, place) => {
        const [proof, top] = [await inclusionProof(index, size, tree.read), await rootOf(size, tree.read)];
        const leaf = tree.hash({ level: 0, index });
        expect(verifyInclusion(proof, index, leaf, size, top)).toBe(true);
        const at = place % Math.max(1, proof.length);
        const wrong = proof.map((hash, position) => (position === at ? flip(hash, bit) : hash));
        expect(proof.length > 0 && verifyInclusion(wrong, index, leaf, size, top)).toBe(false);
        expect(verifyInclusion(proof, index, flip(leaf, bit), size, top)).toBe(false);
        expect(verifyInclusion(proof, index, leaf, size, flip(top, bit))).toBe(false);
        expect(verifyInclusion([...proof, leaf], index, leaf, size, top)).toBe(false);
        expect(proof.length > 0 && verifyInclusion(proof.slice(1), index, leaf, size, top)).toBe(false);
        for (let other = 0; other < size; other++) {
          expect(verifyInclusion(proof, other, leaf, size, top)).toBe(other === index);
        }
      }),
    );
  });

  test("a consistency proof is valid for its two trees, and for nothing else", async () => {
    const pairs = fc.tuple(within(70), within(70)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    await fc.assert(
      fc.asyncProperty(pairs, within(255), fc.nat(), async ([from, to], bit, place) => {
        const proof = await consistencyProof(from, to, tree.read);
        const [old, now] = [await rootOf(from, tree.read), await rootOf(to, tree.read)];
        expect(verifyConsistency(proof, from, old, to, now)).toBe(true);
        const at = place % Math.max(1, proof.length);
        const wrong = proof.map((hash, position) => (position === at ? flip(hash, bit) : hash));
        expect(proof.length > 0 && verifyConsistency(wrong, from, old, to, now)).toBe(false);
        expect(verifyConsistency(proof, from, flip(old, bit), to, now)).toBe(false);
        // The empty tree is a prefix of every tree, so any root is valid from there.
        expect(verifyConsistency(proof, from, old, to, flip(now, bit))).toBe(from === 0 && to > 0);
        expect(verifyConsistency([...proof, old], from, old, to, now)).toBe(false);
        expect(proof.length > 0 && verifyConsistency(proof.slice(0, -1), from, old, to, now)).toBe(false);
        expect(from !== to && verifyConsistency(proof, to, now, from, old)).toBe(false);
        for (let other = 1; other <= to; other++) {
          const isOld = other === from;
          expect(isOld || verifyConsistency(proof, other, old, to, now)).toBe(isOld);
        }
      }),
    );
  });

  test("a proof with hashes of another length than 32 bytes is refused, because two such pairs have the same parent", async () => {
    const [left, right] = [tree.hash({ level: 0, index: 0 }), tree.hash({ level: 0, index: 1 })];
    const both = Buffer.concat([left, right]);
    const [short, long] = [both.subarray(0, 31), both.subarray(31)];
    expect(nodeHash(short, long)).toEqual(nodeHash(left, right));
    const top = await rootOf(2, tree.read);
    expect(verifyInclusion([right], 0, left, 2, top)).toBe(true);
    expect(verifyInclusion([long], 0, short, 2, top)).toBe(false);
    expect(verifyInclusion([Buffer.alloc(0)], 0, both, 2, top)).toBe(false);
    expect(verifyConsistency([long], 1, short, 2, top)).toBe(false);
  });

  test("a proof for a number that is no tree size is refused", async () => {
    const hash = leafHash(Buffer.of());
    for (const size of [-1, 0, 0.5, Number.NaN, 2 ** 53]) {
      expect(verifyInclusion([], 0, hash, size, hash)).toBe(false);
      expect(size !== 0 && verifyConsistency([], 1, hash, size, hash)).toBe(false);
    }
    expect(verifyInclusion([], 0, hash, 1, hash)).toBe(true);
    expect(verifyConsistency([], 0, EMPTY_ROOT, 0, EMPTY_ROOT)).toBe(true);
    expect(verifyConsistency([], 0, hash, 1, hash)).toBe(false);
  });
});
