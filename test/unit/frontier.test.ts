import { expect, test } from "bun:test";
import { EMPTY_FRONTIER, type GrownTile, grow, proofsOfNew, rootOfFrontier } from "../../src/log/frontier.ts";
import { leafHash, verifyInclusion } from "../../src/tlog/merkle.ts";

const hashOf = (index: number) => leafHash(Buffer.from(`leaf ${index}`));

test("the old frontier and the new leaves prove every leaf that is appended to a tree of any size", () => {
  let before = EMPTY_FRONTIER;
  for (let size = 0; size <= 130; size += 1) {
    for (const added of [1, 2, 3, 7, 8, 32]) {
      const leaves = Array.from({ length: added }, (_, at) => hashOf(size + at));
      const after = grow(before, leaves).frontier;
      const proofOf = proofsOfNew(before, leaves);
      const root = rootOfFrontier(after);
      const proved = leaves.map((leaf, at) => verifyInclusion(proofOf(at), size + at, leaf, after.size, root));
      expect(proved).toEqual(leaves.map(() => true));
      expect(verifyInclusion(proofOf(0), size, hashOf(size + 1), after.size, root)).toBe(false);
    }
    before = grow(before, [hashOf(size)]).frontier;
  }
});

test("leaves that are appended at once make the tree and the tiles that they make one after the other", () => {
  for (const [from, added] of [
    [0, 700],
    [200, 56],
    [255, 1],
    [511, 130],
    [65_000, 1_100],
  ] as const) {
    const before = grow(
      EMPTY_FRONTIER,
      Array.from({ length: from }, (_, at) => hashOf(at)),
    ).frontier;
    const leaves = Array.from({ length: added }, (_, at) => hashOf(from + at));
    const last = new Map<string, GrownTile>();
    let frontier = before;
    for (const leaf of leaves) {
      const next = grow(frontier, [leaf]);
      for (const tile of next.grown) last.set(`${tile.level}/${tile.index}`, tile);
      frontier = next.frontier;
    }
    const atOnce = grow(before, leaves);
    expect(atOnce.frontier).toEqual(frontier);
    expect(new Map(atOnce.grown.map((tile) => [`${tile.level}/${tile.index}`, tile]))).toEqual(last);
    expect(atOnce.grown).toHaveLength(last.size);
  }
});
