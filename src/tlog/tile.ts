import { HASH_BYTES, type Hash, type NodeId, nodeHash } from "./merkle.ts";

/* Tiles and entry bundles of c2sp.org/tlog-tiles. */

/** The number of hashes in a full tile, and of entries in a full bundle. */
export const TILE_WIDTH = 256;
/** The number of tree levels in one level of tiles. */
export const TILE_HEIGHT = 8;
const LEVEL_MAX = 63;
const ENTRY_MAX_BYTES = 0xffff;
const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/;

/**
 * A tile of hashes, or a bundle of leaves if its level is "entries". A width of 1 to 255 makes it
 * partial, 256 full.
 */
export interface TileId {
  readonly level: number | "entries";
  readonly index: number;
  readonly width: number;
}

/** Formats the path of a tile below the prefix of the log, such as `tile/0/x001/x234/067.p/12`. */
export function tilePath({ level, index, width }: TileId): `tile/${string}` {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, "0").match(/\d{3}/g) ?? [];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${path}${width === TILE_WIDTH ? "" : `.p/${width}`}`;
}

/** Parses a path that `tilePath` formats. Returns undefined for every other spelling. */
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
  // Formatting it again reveals a superfluous leading group and an explicit full width.
  return tilePath(tile) === path ? tile : undefined;
}

/**
 * The part of a tile from which the hash of a node is computed: `count` hashes from `offset` on. If
 * `count` is 1, the hash is the node itself.
 */
export interface NodePlace {
  readonly level: number;
  readonly index: number;
  readonly offset: number;
  readonly count: number;
}

/**
 * Returns the tile from which a node is computed, which is the lowest tile above all leaves of the
 * node.
 */
export function tileOfNode({ level, index }: NodeId): NodePlace {
  const tileLevel = Math.floor(level / TILE_HEIGHT);
  const count = 2 ** (level % TILE_HEIGHT);
  const first = index * count;
  return { level: tileLevel, index: Math.floor(first / TILE_WIDTH), offset: first % TILE_WIDTH, count };
}

/**
 * Computes the hash of a node from the bytes of its tile. Throws RangeError if the tile is too
 * narrow.
 */
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

/** Returns the width of a tile in a tree of this size, or 0 if the tree does not have the tile. */
export function widthIn(size: number, level: number | "entries", index: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === "entries" ? 0 : level));
  return Math.min(TILE_WIDTH, Math.max(0, hashes - index * TILE_WIDTH));
}

/**
 * Lists all tiles of hashes of a tree, from level 0 up. The entry bundles are as wide as the tiles
 * of level 0.
 */
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

/**
 * Encodes leaves as a bundle, each after its length in two bytes. The concatenation of two bundles
 * is a bundle.
 */
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

/**
 * Decodes a bundle into views of it. Returns undefined if it ends inside of a leaf or has more than
 * 256 leaves.
 */
export function decodeBundle(bundle: Uint8Array): Buffer[] | undefined {
  const bytes = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const leaves: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (at + 2 > bytes.length || leaves.length === TILE_WIDTH) return undefined;
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) return undefined;
    leaves.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return leaves;
}
