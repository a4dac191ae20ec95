import { createHash } from "node:crypto";

/*
 * Merkle trees of RFC 6962 §2.1. Sizes go up to 2^53 - 1, so nothing here shifts or masks: those operators of
 * JavaScript cut numbers to 32 bits.
 */

/** 32 bytes of SHA-256. */
export type Hash = Buffer;

export const HASH_BYTES = 32;

/** The root of the tree without leaves. */
export const EMPTY_ROOT: Hash = createHash("sha256").digest();

const LEAF_PREFIX = Buffer.of(0);
const NODE_PREFIX = Buffer.of(1);

/** The hash of one leaf: SHA-256(0x00 || leaf). */
export function leafHash(leaf: Uint8Array): Hash {
  return createHash("sha256").update(LEAF_PREFIX).update(leaf).digest();
}

/** The hash over two subtrees: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Hash {
  return createHash("sha256").update(NODE_PREFIX).update(left).update(right).digest();
}

/** A full subtree, MTH(D[index * 2^level : (index + 1) * 2^level]). */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `start` up to, not including, `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Gives the hashes of the nodes asked for, in their order. */
export type ReadNodes = (ids: readonly NodeId[]) => Promise<Hash[]>;

/** The largest power of two that is smaller than a number above 1: where RFC 6962 splits a tree. */
function splitOf(leaves: number): number {
  let power = 1;
  while (power * 2 < leaves) power *= 2;
  return power;
}

/**
 * The full subtrees that make up a range, left to right and from large to small. Throws RangeError for ranges that are
 * no subtree of RFC 6962, because they do not start where their largest part could.
 */
export function nodesOf({ start, end }: Range): NodeId[] {
  requireCount(start);
  requireCount(end);
  const nodes: NodeId[] = [];
  let level = Math.ceil(Math.log2(Math.max(1, end - start))) + 1;
  for (let at = start; at < end; level--) {
    const width = 2 ** level;
    if (width > end - at) continue;
    if (at % width !== 0) throw new RangeError(`the leaves ${start} to ${end} are no subtree`);
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** The hash of a range from the hashes of its `nodesOf`. */
export function foldNodes(hashes: readonly Hash[]): Hash {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** The hash of a range from those of the parts that `known` has; what it has not, is split as RFC 6962 §2.1 does. */
export function hashOfRange(range: Range, known: (range: Range) => Hash | undefined): Hash {
  const hash = known(range);
  if (hash !== undefined) return hash;
  const { start, end } = range;
  if (end - start <= 1) throw new RangeError(`the hash of leaf ${start} is not known`);
  const middle = start + splitOf(end - start);
  return nodeHash(hashOfRange({ start, end: middle }, known), hashOfRange({ start: middle, end }, known));
}

/** The subtrees whose hashes prove that a leaf is in a tree, from the leaf's sibling to the root's child (§2.1.1). */
export function inclusionRanges(index: number, size: number): Range[] {
  requireCount(index);
  requireCount(size);
  if (index >= size) throw new RangeError(`a tree of ${size} leaves has none at ${index}`);
  const ranges: Range[] = [];
  for (let start = 0, end = size; end - start > 1; ) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The subtrees whose hashes prove that the tree of `from` leaves is a prefix of that of `to` (§2.1.2). None for equal
 * trees, nor from the empty one, which every tree begins with.
 */
export function consistencyRanges(from: number, to: number): Range[] {
  requireCount(from);
  requireCount(to);
  if (from > to) throw new RangeError(`a tree of ${from} leaves is no prefix of one of ${to}`);
  if (from === 0 || from === to) return [];
  const ranges: Range[] = [];
  let start = 0;
  let end = to;
  while (end !== from) {
    const middle = start + splitOf(end - start);
    if (from <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // The old tree's own root, which the verifier has, is not part of its proof.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** The root of the tree of the first `size` leaves. */
export async function rootOf(size: number, read: ReadNodes): Promise<Hash> {
  const [root = EMPTY_ROOT] = await hashesOf([{ start: 0, end: size }], read);
  return root;
}

/** The proof that the tree of `size` leaves has the leaf at `index`. */
export function inclusionProof(index: number, size: number, read: ReadNodes): Promise<Hash[]> {
  return hashesOf(inclusionRanges(index, size), read);
}

/** The proof that the tree of `from` leaves is a prefix of that of `to`. */
export function consistencyProof(from: number, to: number, read: ReadNodes): Promise<Hash[]> {
  return hashesOf(consistencyRanges(from, to), read);
}

async function hashesOf(ranges: readonly Range[], read: ReadNodes): Promise<Hash[]> {
  const parts = ranges.map(nodesOf);
  const ids = parts.flat();
  const hashes = ids.length === 0 ? [] : await read(ids);
  if (hashes.length !== ids.length) throw new RangeError(`asked for ${ids.length} nodes, got ${hashes.length}`);
  let taken = 0;
  return parts.map(({ length }) => {
    taken += length;
    return foldNodes(hashes.slice(taken - length, taken));
  });
}

/** Tells whether a proof shows that the tree of that size and root has the leaf of that hash at `index`. */
export function verifyInclusion(proof: readonly Hash[], index: number, leaf: Hash, size: number, root: Hash): boolean {
  if (!isCount(index) || !isCount(size) || index >= size || ![leaf, root, ...proof].every(isHash)) return false;
  const ranges = inclusionRanges(index, size);
  if (ranges.length !== proof.length) return false;
  const computed = proof.reduce(
    (hash, sibling, at) => ((ranges[at]?.start ?? 0) > index ? nodeHash(hash, sibling) : nodeHash(sibling, hash)),
    leaf,
  );
  return computed.equals(root);
}

/** Tells whether a proof shows that the tree of size `to` and root `toRoot` only adds leaves to that of `from`. */
export function verifyConsistency(
  proof: readonly Hash[],
  from: number,
  fromRoot: Hash,
  to: number,
  toRoot: Hash,
): boolean {
  if (!isCount(from) || !isCount(to) || from > to || ![fromRoot, toRoot, ...proof].every(isHash)) return false;
  const ranges = consistencyRanges(from, to);
  if (ranges.length !== proof.length) return false;
  if (from === 0) return fromRoot.equals(EMPTY_ROOT) && (to > 0 || toRoot.equals(EMPTY_ROOT));
  // Both computations begin at the old tree's root where that is a full subtree of the new one, else at the first hash.
  const begins = (ranges[0]?.start ?? from) < from ? 1 : 0;
  let old = begins === 1 ? (proof[0] ?? fromRoot) : fromRoot;
  let now = old;
  for (let at = begins; at < proof.length; at++) {
    const hash = proof[at] ?? EMPTY_ROOT;
    if ((ranges[at]?.start ?? 0) >= from) now = nodeHash(now, hash);
    else {
      old = nodeHash(hash, old);
      now = nodeHash(hash, now);
    }
  }
  return old.equals(fromRoot) && now.equals(toRoot);
}

function isHash(hash: Uint8Array): boolean {
  return hash.length === HASH_BYTES;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function requireCount(value: number): void {
  if (!isCount(value)) throw new RangeError(`${value} is no number of leaves`);
}
