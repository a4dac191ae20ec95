import {
  EMPTY_ROOT,
  foldNodes,
  type Hash,
  hashOfRange,
  inclusionRanges,
  nodeHash,
  type Range,
} from "../tlog/merkle.ts";
import { encodeBundle, TILE_HEIGHT, TILE_WIDTH } from "../tlog/tile.ts";

/** A node of the right edge: the root of a whole subtree of 2^level leaves. */
interface EdgeNode {
  readonly level: number;
  readonly hash: Hash;
}

/**
 * As much of a tree as it takes to append to it: the whole subtrees it consists of, the largest first, and the hashes of
 * the last tile of each level while that is not full. Never changed: an append makes another.
 */
export interface Frontier {
  readonly size: number;
  readonly nodes: readonly EdgeNode[];
  /** By level of tiles. */
  readonly edges: readonly (readonly Hash[])[];
}

export const EMPTY_FRONTIER: Frontier = { size: 0, nodes: [], edges: [] };

/** The root of the tree that ends here (RFC 6962 §2.1). */
export function rootOfFrontier({ nodes }: Frontier): Hash {
  return nodes.length === 0 ? EMPTY_ROOT : foldNodes(nodes.map(({ hash }) => hash));
}

/**
 * Gives the inclusion proofs of leaves that were just put behind a tree, by their place among themselves. It takes no more
 * than the frontier: what of the old tree stands beside a new leaf, on its way to the root, is one of its whole subtrees.
 */
export function proofsOfNew(before: Frontier, leaves: readonly Hash[]): (at: number) => Hash[] {
  const known = new Map<string, Hash>();
  const keyOf = ({ start, end }: Range) => `${start}-${end}`;
  let start = 0;
  for (const { level, hash } of before.nodes) {
    known.set(keyOf({ start, end: start + 2 ** level }), hash);
    start += 2 ** level;
  }
  const hashAt = (part: Range) =>
    known.get(keyOf(part)) ?? (part.end - part.start === 1 ? leaves[part.start - start] : undefined);
  return (at) =>
    inclusionRanges(start + at, start + leaves.length).map((range) => {
      const hash = hashOfRange(range, hashAt);
      known.set(keyOf(range), hash);
      return hash;
    });
}

/** A tile that an append changed or filled, as far as it goes. */
export interface GrownTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: readonly Hash[];
}

/** Puts one leaf behind the others, by its hash. `grown` are the tiles that it filled, and the one above them that grew. */
export function grow(before: Frontier, leaf: Hash): { frontier: Frontier; grown: GrownTile[] } {
  const nodes = [...before.nodes];
  const edges = [...before.edges];
  const grown: GrownTile[] = [];
  let node: EdgeNode = { level: 0, hash: leaf };
  addToTile(edges, before.size, 0, node.hash, grown);
  for (let left = nodes.at(-1); left !== undefined && left.level === node.level; left = nodes.at(-1)) {
    nodes.pop();
    node = { level: node.level + 1, hash: nodeHash(left.hash, node.hash) };
    if (node.level % TILE_HEIGHT === 0) addToTile(edges, before.size, node.level / TILE_HEIGHT, node.hash, grown);
  }
  nodes.push(node);
  return { frontier: { size: before.size + 1, nodes, edges }, grown };
}

/** Level 0 is written only when it is full, because its leaves are rows of their own until then. */
function addToTile(edges: (readonly Hash[])[], last: number, level: number, hash: Hash, grown: GrownTile[]): void {
  const hashes = [...(edges[level] ?? []), hash];
  const isFull = hashes.length === TILE_WIDTH;
  edges[level] = isFull ? [] : hashes;
  if (isFull || level > 0) grown.push({ level, index: Math.floor(last / TILE_WIDTH ** (level + 1)), hashes });
}

/** An entry bundle of leaves that are text. */
export function bundleOf(leaves: readonly string[]): Buffer {
  return encodeBundle(leaves.map((leaf) => Buffer.from(leaf)));
}
