import { HASH_BYTES, type Hash, type NodeId, nodeHash } from "./merkle.ts";

/* Tiles and entry bundles of c2sp.org/tlog-tiles. */

/** Hashes in a full tile, and entries in a full bundle. */
export const TILE_WIDTH = 256;
/** Levels of the tree in one level of tiles. */
export const TILE_HEIGHT = 8;
const LEVEL_MAX = 63;
const ENTRY_MAX_BYTES = 0xffff;
const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/** A tile of hashes, or with the level "entries" a bundle of leaves. Its width is 1 to 256; below 256 it is partial. */
export interface TileId {
  readonly level: number | "entries";
  readonly index: number;
  readonly width: number;
}

/** The path below the log's prefix, such as `tile/0/x001/x234/067.p/12`. */
export function tilePath({ level, index, width }: TileId): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** Reads a path as `tilePath` writes it; `undefined` for every other spelling. */
export function parseTilePath(path: string): TileId | undefined {
  const [, level, groups, width] = PATH.exec(path) ?? [];
  if (level === undefined || groups === undefined) return undefined;
  const tile: TileId = {
    level: level === "entries" ? level : Number(level),
    index: Number(groups.replace(/[x/]/g, "")),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  if (tile.level !== "entries" && tile.level > LEVEL_MAX) return undefined;
  if (!Number.isSafeInteger(tile.index) || tile.width > TILE_WIDTH) return undefined;
  // Writing it again shows a group too many in front, and a full width spelled out.
  return tilePath(tile) === path ? tile : undefined;
}

/** Where a node's hash comes from: the tree over `count` hashes of a tile, from `offset` on; for 1, the hash itself. */
export interface NodePlace {
  readonly level: number;
  readonly index: number;
  readonly offset: number;
  readonly count: number;
}

/** The tile from which a node is computed: the lowest one that is above all of its leaves. */
export function tileOfNode({ level, index }: NodeId): NodePlace {
  const tileLevel = Math.floor(level / TILE_HEIGHT);
  const count = 2 ** (level % TILE_HEIGHT);
  const first = index * count;
  return { level: tileLevel, index: Math.floor(first / TILE_WIDTH), offset: first % TILE_WIDTH, count };
}

/** Computes a node from the bytes of its tile. Throws RangeError when the tile is too narrow to have it. */
export function nodeFromTile(tile: Uint8Array, node: NodeId): Hash {
  const { offset, count } = tileOfNode(node);
  if (tile.length % HASH_BYTES !== 0 || tile.length < (offset + count) * HASH_BYTES) {
    throw new RangeError(`a tile of ${tile.length} bytes has no ${count} hashes from ${offset} on`);
  }
  const hashes = Buffer.from(tile.buffer, tile.byteOffset, tile.byteLength);
  let row = Array.from({ length: count }, (_, at) =>
    hashes.subarray((offset + at) * HASH_BYTES).subarray(0, HASH_BYTES),
  );
  while (row.length > 1) {
    row = row.flatMap((left, at) => {
      const right = row[at + 1];
      return at % 2 === 0 && right !== undefined ? [nodeHash(left, right)] : [];
    });
  }
  return Buffer.from(row[0] ?? []);
}

/** How wide a tile is in the tree of that size: 0 when it is not there. */
export function widthIn(size: number, level: number | "entries", index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === "entries" ? 0 : level));
  return Math.min(TILE_WIDTH, Math.max(0, hashes - index * TILE_WIDTH));
}

/** All tiles of hashes of a tree, level by level from the leaves up; the bundles are as wide as those of level 0. */
export function tilesOfTree(size: number): TileId[] {
  const tiles: TileId[] = [];
  for (let level = 0; widthIn(size, level, 0) > 0; level++) {
    for (let index = 0, width = TILE_WIDTH; width === TILE_WIDTH; index++) {
      width = widthIn(size, level, index);
      if (width > 0) tiles.push({ level, index, width });
    }
  }
  return tiles;
}

/** A bundle of leaves: each after its length in two bytes. One bundle after another is the bundle of both. */
export function encodeBundle(leaves: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      if (leaf.length > ENTRY_MAX_BYTES) throw new RangeError(`a leaf of ${leaf.length} bytes fits no bundle`);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(leaf.length);
      return [length, leaf];
    }),
  );
}

/** The leaves of a bundle; `undefined` when it ends within one, or has more than 256. */
export function decodeBundle(bundle: Uint8Array): Uint8Array[] | undefined {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length) return undefined;
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return undefined;
    leaves.push(new Uint8Array(bytes.subarray(at + 2, end)));
    at = end;
  }
  return leaves.length <= TILE_WIDTH ? leaves : undefined;
}
