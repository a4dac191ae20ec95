import { createHash } from "node:crypto";

/*
 * Merkle trees of RFC 6962 §2.1. Sizes go up to 2^53 - 1. So no code here shifts or masks: the
 * bitwise operators of JavaScript truncate numbers to 32 bits.
 */

/** 32 bytes of SHA-256. */
export type Hash = Buffer;

/** The length of every hash in a tree. */
export const HASH_BYTES = 32;

/** The root of the tree without leaves. */
export const EMPTY_ROOT: Hash = createHash("sha256").digest();

const LEAF_PREFIX = Buffer.of(0);
const NODE_PREFIX = Buffer.of(1);

/** Returns the hash of one leaf: SHA-256(0x00 || leaf). */
export function leafHash(leaf: Uint8Array): Hash {
  return createHash("sha256").update(LEAF_PREFIX).update(leaf).digest();
}

/** Returns the hash of two subtrees: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Hash {
  return createHash("sha256").update(NODE_PREFIX).update(left).update(right).digest();
}

/** A complete subtree, MTH(D[index * 2^level : (index + 1) * 2^level]). */
export interface NodeId {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `start` (inclusive) to `end` (exclusive). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Reads the hashes of nodes and returns them in the same order. */
export type ReadNodes = (ids: readonly NodeId[]) => Promise<Hash[]>;

/**
 * Returns the largest power of two below `leaves`, which is above 1. RFC 6962 splits a tree there.
 */
function splitOf(leaves: number): number {
  let power = 1;
  while (power * 2 < leaves) power *= 2;
  return power;
}

/**
 * Returns the complete subtrees of a range from left to right, which is from large to small. Throws
 * RangeError for a range that is no subtree of RFC 6962, because its largest part cannot start at
 * its first leaf.
 */
export function nodesOf({ start, end }: Range): NodeId[] {
  requireCount(start);
  requireCount(end);
  const nodes: NodeId[] = [];
  let level = Math.ceil(Math.log2(Math.max(1, end - start))) + 1;
  for (let at = start; at < end; level--) {
    const width = 2 ** level;
    if (width > end - at) continue;
    if (at % width !== 0) throw new RangeError(`the leaves ${start} to ${end} are not a subtree`);
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** Returns the hash of a range, given the hashes of its `nodesOf`. */
export function foldNodes(hashes: readonly Hash[]): Hash {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** Returns the hash of a range. A part that `known` does not have is split as in RFC 6962 §2.1. */
export function hashOfRange(range: Range, known: (range: Range) => Hash | undefined): Hash {
  const hash = known(range);
  if (hash !== undefined) return hash;
  const { start, end } = range;
  if (end - start <= 1) throw new RangeError(`the hash of leaf ${start} is not known`);
  const middle = start + splitOf(end - start);
  return nodeHash(hashOfRange({ start, end: middle }, known), hashOfRange({ start: middle, end }, known));
}

/**
 * Returns the subtrees of an inclusion proof, from the leaf's sibling up to the root's child (RFC
 * 6962 §2.1.1).
 */
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
 * Returns the subtrees of the proof that the tree of `from` leaves is a prefix of the tree of `to`
 * leaves (RFC 6962 §2.1.2). The proof is empty for equal trees, and from the empty tree, which is a
 * prefix of every tree.
 */
export function consistencyRanges(from: number, to: number): Range[] {
  requireCount(from);
  requireCount(to);
  if (from > to) throw new RangeError(`a tree of ${from} leaves is not a prefix of one of ${to}`);
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
  // The verifier has the root of the old tree, so the proof does not contain it.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** Returns the root of the tree of the first `size` leaves. */
export async function rootOf(size: number, read: ReadNodes): Promise<Hash> {
  const [root = EMPTY_ROOT] = await hashesOf([{ start: 0, end: size }], read);
  return root;
}

/** Returns the proof that the tree of `size` leaves has the leaf at `index`. */
export function inclusionProof(index: number, size: number, read: ReadNodes): Promise<Hash[]> {
  return hashesOf(inclusionRanges(index, size), read);
}

/** Returns the inclusion proofs of several leaves of one tree, with one call of `read`. */
export async function inclusionProofs(indexes: readonly number[], size: number, read: ReadNodes): Promise<Hash[][]> {
  const ranges = indexes.map((index) => inclusionRanges(index, size));
  const hashes = await hashesOf(ranges.flat(), read);
  let taken = 0;
  return ranges.map(({ length }) => {
    taken += length;
    return hashes.slice(taken - length, taken);
  });
}

/** Returns the proof that the tree of `from` leaves is a prefix of the tree of `to` leaves. */
export function consistencyProof(from: number, to: number, read: ReadNodes): Promise<Hash[]> {
  return hashesOf(consistencyRanges(from, to), read);
}

async function hashesOf(ranges: readonly Range[], read: ReadNodes): Promise<Hash[]> {
  const parts = ranges.map(nodesOf);
  const ids = parts.flat();
  const hashes = ids.length === 0 ? [] : await read(ids);
  if (hashes.length !== ids.length) throw new RangeError(`requested ${ids.length} nodes, got ${hashes.length}`);
  let taken = 0;
  return parts.map(({ length }) => {
    taken += length;
    return foldNodes(hashes.slice(taken - length, taken));
  });
}

/**
 * Returns whether a proof shows that the tree of this size and root has the leaf of this hash at
 * `index`.
 */
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

/**
 * Returns whether a proof shows that the tree of `to` leaves and root `toRoot` only adds leaves to
 * the tree of `from`.
 */
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
  // If the old tree is a complete subtree of the new one, both computations begin at its root,
  // otherwise at the first hash.
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
  if (!isCount(value)) throw new RangeError(`${value} is not a number of leaves`);
}
