import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { nodesOf } from "../../src/tlog/merkle.ts";
import {
  decodeBundle,
  encodeBundle,
  nodeFromTile,
  parseTilePath,
  tileOfNode,
  tilePath,
  tilesOfTree,
  widthIn,
} from "../../src/tlog/tile.ts";
import { memoryTree } from "../support/memory-tree.ts";

const levels = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant("entries" as const));
const tiles = fc.record({ level: levels, index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) });

describe("paths", () => {
  test.each([
    ["tile/0/x001/x234/067", { level: 0, index: 1234067, width: 256 }],
    ["tile/0/x001/x234/067.p/12", { level: 0, index: 1234067, width: 12 }],
    ["tile/entries/000.p/1", { level: "entries" as const, index: 0, width: 1 }],
    ["tile/63/999", { level: 63, index: 999, width: 256 }],
    ["tile/1/x001/000.p/255", { level: 1, index: 1000, width: 255 }],
  ])("the path %s is parsed and formatted", (path, tile) => {
    expect<string>(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  test("a formatted path is parsed to the same tile", () => {
    fc.assert(fc.property(tiles, (tile) => expect(parseTilePath(tilePath(tile))).toEqual(tile)));
  });

  test.each([
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/data/000",
    "tile/8/0/000/",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/x000/001",
    "tile/0/x001/x067",
    "tile/0/001/067",
    "tile/0/X001/067",
    "tile/0/x9999/999",
    "tile/0/x009/x007/x199/x254/x740/992",
    "tile/0/000.p/0",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/999",
    "tile/0/000.p/",
    "tile/0/000.p",
    "tile/0/000/",
    "tile/0/000\n",
    "/tile/0/000",
    "tile//0/000",
    "tile/entries/",
    "",
  ])("%p is no path of a tile", (path) => expect(parseTilePath(path)).toBeUndefined());
});

describe("trees of tiles", () => {
  test("the tiles of a tree are those of the specification's examples", () => {
    const counted = (size: number) => tilesOfTree(size).map(({ level, width }) => `${level}:${width}`);
    expect(counted(0)).toEqual([]);
    expect(counted(256)).toEqual(["0:256", "1:1"]);
    const many = counted(70_000);
    expect(many.filter((tile) => tile === "0:256")).toHaveLength(273);
    expect(many.filter((tile) => tile !== "0:256")).toEqual(["0:112", "1:256", "1:17", "2:1"]);
  });

  test("the widths of tiles follow the specification's formula", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 0, max: 63 }), (size, level) => {
        const hashes = BigInt(size) / 256n ** BigInt(level);
        const last = Number(hashes / 256n);
        expect(widthIn(size, level, last)).toBe(Number(hashes % 256n));
        expect(widthIn(size, level, last + 1)).toBe(0);
        expect(last === 0 || widthIn(size, level, last - 1) === 256).toBe(true);
      }),
    );
    expect(widthIn(257, "entries", 1)).toBe(1);
  });
});

const SIZE = 66_000;
const tree = memoryTree(Array.from({ length: SIZE }, (_, at) => Buffer.from(`leaf ${at}`)));

/** Computes the hash of a node from the tiles of a tree only. */
function fromTiles(node: { level: number; index: number }, size: number) {
  const { level, index } = tileOfNode(node);
  return nodeFromTile(tree.bytesOf({ level, index, width: widthIn(size, level, index) }), node);
}

describe("nodes", () => {
  test("nodes of every level are computed from the tiles of every tree that has them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: SIZE }), (size) => {
        for (const node of nodesOf({ start: 0, end: size })) {
          expect(fromTiles(node, size)).toEqual(tree.hash(node));
        }
      }),
    );
    for (let level = 0; level <= 16; level++) {
      const index = Math.floor(SIZE / 2 ** level) - 1;
      expect(fromTiles({ level, index }, SIZE)).toEqual(tree.hash({ level, index }));
    }
  });

  test("nodes of large trees are found in their tile", () => {
    expect(tileOfNode({ level: 0, index: 2 ** 53 - 2 })).toEqual({
      level: 0,
      index: 2 ** 45 - 1,
      offset: 254,
      count: 1,
    });
    expect(tileOfNode({ level: 15, index: 3 })).toEqual({ level: 1, index: 1, offset: 128, count: 128 });
    expect(tileOfNode({ level: 52, index: 0 })).toEqual({ level: 6, index: 0, offset: 0, count: 16 });
  });

  test("nodes are not computed from tiles that are too narrow or damaged", () => {
    const tile = tree.bytesOf({ level: 0, index: 0, width: 3 });
    expect(nodeFromTile(tile, { level: 1, index: 0 })).toEqual(tree.hash({ level: 1, index: 0 }));
    expect(() => nodeFromTile(tile, { level: 1, index: 1 })).toThrow(RangeError);
    expect(() => nodeFromTile(tile, { level: 0, index: 3 })).toThrow(RangeError);
    expect(() => nodeFromTile(tile.subarray(1), { level: 0, index: 0 })).toThrow(RangeError);
  });
});

describe("bundles", () => {
  test("an encoded bundle is decoded to the same leaves, and two bundles concatenate", () => {
    const leaves = fc.array(fc.uint8Array({ maxLength: 1_024 }), { maxLength: 128 });
    fc.assert(
      fc.property(leaves, leaves, (some, more) => {
        const joined = Buffer.concat([encodeBundle(some), encodeBundle(more)]);
        expect(decodeBundle(joined)).toEqual([...some, ...more].map((leaf) => Buffer.from(leaf)));
      }),
    );
    expect(encodeBundle([Buffer.from("ab"), Buffer.of()]).toString("hex")).toBe("000261620000");
  });

  test("a bundle that is cut anywhere inside of a leaf is refused", () => {
    const bundle = encodeBundle([Buffer.from("abc"), Buffer.from("d")]);
    const whole = Array.from({ length: bundle.length }, (_, end) => decodeBundle(bundle.subarray(0, end)));
    expect(whole.map((leaves) => leaves?.length)).toEqual([0, ...Array(4), 1, ...Array(2)]);
  });

  test("a bundle holds at most 256 leaves of 65,535 bytes", () => {
    const leaf = Buffer.alloc(65_535);
    expect(decodeBundle(encodeBundle(Array(256).fill(leaf)))).toHaveLength(256);
    expect(decodeBundle(encodeBundle(Array(257).fill(Buffer.of())))).toBeUndefined();
    expect(() => encodeBundle([Buffer.alloc(65_536)])).toThrow(RangeError);
  });
});
