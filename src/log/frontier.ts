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

/** A node of the right edge: the root of a complete subtree of 2^level leaves. */
interface EdgeNode {
  readonly level: number;
  readonly hash: Hash;
}

/**
 * The part of a tree that an append needs. It has the complete subtrees of the tree, the largest
 * first, and the hashes of the partial tile of each level. It is immutable: an append returns a new
 * frontier.
 */
export interface Frontier {
  readonly size: number;
  readonly nodes: readonly EdgeNode[];
  /** The hashes of the partial tile of each tile level. */
  readonly edges: readonly (readonly Hash[])[];
}

/** The frontier of the tree without leaves. */
export const EMPTY_FRONTIER: Frontier = { size: 0, nodes: [], edges: [] };

/** Returns the root of the whole tree (RFC 6962 §2.1). */
export function rootOfFrontier({ nodes }: Frontier): Hash {
  return nodes.length === 0 ? EMPTY_ROOT : foldNodes(nodes.map(({ hash }) => hash));
}

/**
 * Returns a function that gives the inclusion proof of the n-th leaf (from 0) of those just
 * appended to a tree. It needs no more than the frontier: on the path from a new leaf to the root,
 * every sibling in the old tree is one of its complete subtrees.
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

/** A tile that an append changed or filled, with all its hashes so far. */
export interface GrownTile {
  readonly level: number;
  readonly index: number;
  readonly hashes: readonly Hash[];
}

/**
 * Appends leaves by their hashes. `grown` lists the tiles that they filled, and then the partial
 * tiles that they extended. Of level 0 it lists full tiles only: until then its leaves are rows.
 */
export function grow(before: Frontier, leaves: readonly Hash[]): { frontier: Frontier; grown: GrownTile[] } {
  const nodes = [...before.nodes];
  const edges = before.edges.map((hashes) => [...hashes]);
  const grown: GrownTile[] = [];
  const extended = new Set<number>();
  let { size } = before;
  const add = (level: number, hash: Hash) => {
    const hashes = edges[level] ?? [];
    hashes.push(hash);
    const isFull = hashes.length === TILE_WIDTH;
    edges[level] = isFull ? [] : hashes;
    if (isFull) grown.push({ level, index: indexAt(level, size), hashes });
    if (isFull || level === 0) extended.delete(level);
    else extended.add(level);
  };
  for (const leaf of leaves) {
    let node: EdgeNode = { level: 0, hash: leaf };
    add(0, leaf);
    for (let left = nodes.at(-1); left !== undefined && left.level === node.level; left = nodes.at(-1)) {
      nodes.pop();
      node = { level: node.level + 1, hash: nodeHash(left.hash, node.hash) };
      if (node.level % TILE_HEIGHT === 0) add(node.level / TILE_HEIGHT, node.hash);
    }
    nodes.push(node);
    size += 1;
  }
  for (const level of extended) grown.push({ level, index: indexAt(level, size), hashes: edges[level] ?? [] });
  return { frontier: { size, nodes, edges }, grown };
}

/** The index of the tile of a level that holds a leaf. */
function indexAt(level: number, leaf: number): number {
  return Math.floor(leaf / TILE_WIDTH ** (level + 1));
}

/** Encodes leaves of text as an entry bundle. */
export function bundleOf(leaves: readonly string[]): Buffer {
  return encodeBundle(leaves.map((leaf) => Buffer.from(leaf)));
}
