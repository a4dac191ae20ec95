import { expect, test } from "bun:test";
import { EMPTY_FRONTIER, grow, proofsOfNew, rootOfFrontier } from "../../src/log/frontier.ts";
import { leafHash, verifyInclusion } from "../../src/tlog/merkle.ts";

const hashOf = (index: number) => leafHash(Buffer.from(`leaf ${index}`));

test("the old frontier and the new leaves prove every leaf that is appended to a tree of any size", () => {
  let before = EMPTY_FRONTIER;
  for (let size = 0; size <= 130; size += 1) {
    for (const added of [1, 2, 3, 7, 8, 32]) {
      const leaves = Array.from({ length: added }, (_, at) => hashOf(size + at));
      const after = leaves.reduce((frontier, leaf) => grow(frontier, leaf).frontier, before);
      const proofOf = proofsOfNew(before, leaves);
      const root = rootOfFrontier(after);
      const proved = leaves.map((leaf, at) => verifyInclusion(proofOf(at), size + at, leaf, after.size, root));
      expect(proved).toEqual(leaves.map(() => true));
      expect(verifyInclusion(proofOf(0), size, hashOf(size + 1), after.size, root)).toBe(false);
    }
    before = grow(before, hashOf(size)).frontier;
  }
});
