import { type Hash, leafHash, type NodeId, nodeHash, type ReadNodes } from "../../src/tlog/merkle.ts";
import { encodeBundle, TILE_HEIGHT, TILE_WIDTH, type TileId } from "../../src/tlog/tile.ts";

/**
 * A whole Merkle tree in memory: every full subtree of every level. It does not know how tiles are
 * made.
 */
export interface MemoryTree {
  readonly leaves: readonly Uint8Array[];
  append(leaf: Uint8Array): void;
  hash(node: NodeId): Hash;
  readonly read: ReadNodes;
  /** The hashes or leaves that a log serves as a tile or a bundle. */
  bytesOf(tile: TileId): Buffer;
}

export function memoryTree(given: Iterable<Uint8Array> = []): MemoryTree {
  const leaves: Uint8Array[] = [];
  const rows: Hash[][] = [];
  const hash = ({ level, index }: NodeId): Hash => {
    const found = rows[level]?.[index];
    if (found === undefined) throw new Error(`a tree of ${leaves.length} leaves has no node ${level}/${index}`);
    return found;
  };
  const append = (leaf: Uint8Array): void => {
    leaves.push(leaf);
    let node = leafHash(leaf);
    for (let level = 0; ; level++) {
      rows[level] ??= [];
      const row = rows[level] ?? [];
      const length = row.push(node);
      if (length % 2 === 1) return;
      node = nodeHash(hash({ level, index: length - 2 }), node);
    }
  };
  for (const leaf of given) append(leaf);
  return {
    leaves,
    append,
    hash,
    read: async (ids) => ids.map(hash),
    bytesOf: ({ level, index, width }) => {
      const first = index * TILE_WIDTH;
      if (level === "entries") return encodeBundle(leaves.slice(first, first + width));
      const ids = Array.from({ length: width }, (_, at) => ({ level: level * TILE_HEIGHT, index: first + at }));
      return Buffer.concat(ids.map(hash));
    },
  };
}
