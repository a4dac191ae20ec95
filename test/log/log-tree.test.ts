import { expect, test } from "bun:test";
import { readState } from "../../src/log/log-rows.ts";
import { readPublishedTile } from "../../src/log/read-tile.ts";
import { parseCheckpoint } from "../../src/tlog/checkpoint.ts";
import { foldNodes, type Hash, leafHash, nodeHash } from "../../src/tlog/merkle.ts";
import { verifyNote } from "../../src/tlog/note.ts";
import { decodeBundle, tilesOfTree } from "../../src/tlog/tile.ts";
import { onBothDatabases, type TestRegistry } from "../support/registry.ts";

/*
 * Compares the rows of the log with a tree computed from its leaves, at the sizes where tiles begin
 * and end.
 */

const SIZES = [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000];
/**
 * A rolled-back transaction between them must leave no trace, neither in rows nor in the cached
 * frontier.
 */
const BATCH_MAX = 5_000;

const leafOf = (index: number) => `leaf ${index}\n`;

/** Computes all levels of the tree from its leaves, complete subtrees only. */
function levelsOf(size: number): Hash[][] {
  const levels: Hash[][] = [Array.from({ length: size }, (_, index) => leafHash(Buffer.from(leafOf(index))))];
  for (let below = levels[0] ?? []; below.length > 1; ) {
    const above: Hash[] = [];
    for (let at = 0; at + 1 < below.length; at += 2) {
      above.push(nodeHash(below[at] ?? Buffer.alloc(0), below[at + 1] ?? Buffer.alloc(0)));
    }
    levels.push(above);
    below = above;
  }
  return levels;
}

/** Returns the complete subtrees of a tree of this size, the largest first. */
function rootIn(levels: Hash[][], size: number): Hash {
  const nodes: Hash[] = [];
  let start = 0;
  for (let level = levels.length - 1; level >= 0; level -= 1) {
    const width = 2 ** level;
    if (start + width > size) continue;
    nodes.push(levels[level]?.[start / width] ?? Buffer.alloc(0));
    start += width;
  }
  return foldNodes(nodes);
}

class RolledBack extends Error {}

async function append({ deps }: TestRegistry, first: number, count: number, fails = false): Promise<void> {
  const leaves = Array.from({ length: count }, (_, at) => (fails ? `lost ${at}\n` : leafOf(first + at)));
  await deps.db.write(async (session) => {
    await deps.log.append(session, leaves);
    if (fails) throw new RolledBack();
  });
}

async function grow(registry: TestRegistry, from: number, to: number): Promise<void> {
  for (let size = from; size < to; ) {
    const count = Math.min(BATCH_MAX, to - size);
    await expect(append(registry, size, Math.min(count, 300), true)).rejects.toThrow(RolledBack);
    await append(registry, size, count);
    size += count;
  }
}

onBothDatabases("the log's tree", (registry) => {
  test("the log has the right roots, tiles and bundles at every size where a tile begins or ends", async () => {
    const levels = levelsOf(SIZES.at(-1) ?? 0);
    const { db, log } = registry().deps;
    /** The tiles that are full, and were right. They are read once more at the last size. */
    const checked = new Set<string>();
    let grown = 0;
    for (const size of SIZES) {
      await grow(registry(), grown, size);
      grown = size;
      const { checkpoint } = await db.read(readState);
      const stored = parseCheckpoint(verifyNote(checkpoint, [log.verifier])?.text ?? "");
      expect([stored?.size, stored?.root.toString("hex")]).toEqual([size, rootIn(levels, size).toString("hex")]);
      const hashTiles = tilesOfTree(size);
      const bundles = hashTiles
        .filter(({ level }) => level === 0)
        .map((tile) => ({ ...tile, level: "entries" as const }));
      for (const tile of [...hashTiles, ...bundles]) {
        const name = `${tile.level}/${tile.index}/${tile.width}`;
        if (checked.has(name) && size !== SIZES.at(-1)) continue;
        if (tile.width === 256) checked.add(name);
        const bytes = await db.read((session) => readPublishedTile(session, tile));
        if (tile.level === "entries") {
          const leaves = decodeBundle(bytes ?? Buffer.alloc(1))?.map((leaf) => Buffer.from(leaf).toString());
          expect(leaves).toEqual(Array.from({ length: tile.width }, (_, at) => leafOf(tile.index * 256 + at)));
        } else {
          const hashes = levels[tile.level * 8]?.slice(tile.index * 256, tile.index * 256 + tile.width) ?? [];
          expect(bytes?.equals(Buffer.concat(hashes))).toBe(true);
        }
      }
    }
  });

  test("the log keeps the tiles of older sizes unchanged, and has none beyond its own size", async () => {
    const { db } = registry().deps;
    const read = (level: number | "entries", index: number, width: number) =>
      db.read((session) => readPublishedTile(session, { level, index, width }));
    const whole = await read(0, 3, 256);
    expect((await read(0, 3, 7))?.equals(whole?.subarray(0, 7 * 32) ?? Buffer.alloc(0))).toBe(true);
    expect(decodeBundle((await read("entries", 3, 7)) ?? Buffer.alloc(1))).toHaveLength(7);
    for (const beyond of [await read(0, 273, 113), await read(0, 274, 1), await read(2, 0, 2), await read(3, 0, 1)]) {
      expect(beyond).toBeUndefined();
    }
    expect(await read("entries", 273, 113)).toBeUndefined();
  });
});
