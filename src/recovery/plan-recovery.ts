import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { type Frontier, grow, rootOfFrontier } from "../log/frontier.ts";
import type { StoredLeaf } from "../log/leaf-details.ts";
import { readLogEntriesWithIndex, storedVerifier } from "../log/log-changes.ts";
import { vkeyOf } from "../log/log-keys.ts";
import { nodeReader, readFrontier, readState } from "../log/log-rows.ts";
import { checkpointOfNote } from "../tlog/checkpoint.ts";
import type { LogEntry } from "../tlog/log-leaf.ts";
import { type Hash, leafHash, rootOf } from "../tlog/merkle.ts";
import { parseVerifierKey, type SignerKey, verifyNote } from "../tlog/note.ts";
import { changeFault, type LogChange, treeOfChange } from "../verify/log-changes.ts";
import { explainMismatch, forked } from "./explain-mismatch.ts";
import { type LeafCount, LeafCounts } from "./leaf-counts.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";
import { readStoredCheckpoint, recentLeaves, type StoredCheckpoint, tiledLeaves } from "./stored-log.ts";

/** What the storage has and the database lacks: a checked continuation of the database's log. */
export interface RecoveryPlan {
  /** The size and the root of the database's tree. */
  readonly from: number;
  readonly fromRoot: string;
  /** The size and the root (in hex) of the tree that the recovery leads to. */
  readonly to: number;
  readonly root: string;
  /** The note that the log signed for that tree. */
  readonly checkpoint: string;
  /** Up to this size, leaves come from tiles; `recent` has the rest. */
  readonly tiledSize: number;
  readonly recent: readonly StoredLeaf[];
  /** The changes of the log's key and origin among the leaves. */
  readonly changes: readonly (LogChange & { readonly leaf: string; readonly checkpoint: string })[];
  readonly counts: LeafCount;
}

interface PlanDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  /** The keys of logs that this machine has. */
  readonly signers: readonly SignerKey[];
}

interface Grown {
  frontier: Frontier;
  note: string;
}

/** Returns the root of the tree of the first `size` leaves. */
type RootAt = (size: number) => Hash;

/** Collects what the leaves say, and the changes of the log among them, each checked. */
class Collected {
  readonly counts = new LeafCounts();
  readonly changes: RecoveryPlan["changes"][number][] = [];

  /** `before` are the changes that the database has, and `vkey` is its key. */
  constructor(
    readonly before: readonly LogChange[],
    readonly vkey: string,
    readonly signers: readonly SignerKey[],
  ) {}

  /** The key of the log after the leaves so far. */
  get newestKey(): string {
    return this.changes.at(-1)?.entry.newKey ?? this.vkey;
  }

  add(stored: StoredLeaf, index: number, rootAt: RootAt): void {
    const { leaf, details } = this.counts.add(stored, index);
    if (leaf.kind !== "log") return;
    const { checkpoint = "" } = details;
    const fault = changeFault(leaf, [...this.before, ...this.changes]) ?? this.#fault(leaf, index, checkpoint, rootAt);
    if (fault === undefined) this.changes.push({ index, entry: leaf, leaf: stored.leaf, checkpoint });
    else throw new RecoveryRefusal("log_change_invalid", `leaf ${index} changes the key of the log, and ${fault}.`);
  }

  #fault(leaf: LogEntry, index: number, checkpoint: string, rootAt: RootAt): string | undefined {
    if (leaf.oldKey !== this.newestKey) return `it replaces ${leaf.oldKey}, and ${this.newestKey} was the log's key`;
    const signed = treeOfChange(leaf, index, checkpoint);
    if (typeof signed === "string") return `of the checkpoint that is kept with it: ${signed}`;
    if (!signed.root.equals(rootAt(signed.size))) return "the old key signed another tree for it";
    if (leaf.action === "rotate" || this.signers.some((key) => vkeyOf(key) === leaf.newKey)) return undefined;
    throw new RecoveryRefusal("log_change_invalid", newLogText(index, leaf.newKey), [leaf.newKey]);
  }
}

/** No old key signs the beginning of a new log, so whoever can write to the storage can make one. */
function newLogText(index: number, newKey: string): string {
  return `leaf ${index} begins a new log with the key ${newKey}, which this machine does not have. If you ran log start-new, put its log.key back, or set LOG_SIGNING_KEY to it, and run the command again. If you did not, somebody has written to the storage: put log/ and recovery/ back from a copy.`;
}

/**
 * Compares what lies beside the archives with the database, and changes nothing. Undefined if the
 * database lacks nothing. Throws `RecoveryRefusal` unless the storage has a continuation of exactly
 * the database's tree that the log signed.
 */
export async function planRecovery({ db, blobs, signers }: PlanDeps): Promise<RecoveryPlan | undefined> {
  const { state, frontier, before } = await db.read(async (session) => {
    const found = await readState(session);
    return {
      state: found,
      frontier: await readFrontier(session, found.size),
      before: await readLogEntriesWithIndex(session),
    };
  });
  const stored = await readStoredCheckpoint(blobs);
  const recent = await recentLeaves(blobs);
  const collected = new Collected(before, state.vkey, signers);
  const tiled = await withTiles({ db, blobs }, { frontier, note: state.checkpoint }, stored, collected);
  if (tiled.frontier.size > state.size) requireSigned(tiled.note, collected);
  const end = withRecent(tiled, recent, collected);
  if (end.frontier.size === state.size) return undefined;
  return {
    from: state.size,
    fromRoot: state.root,
    to: end.frontier.size,
    root: rootOfFrontier(end.frontier).toString("hex"),
    checkpoint: end.note,
    tiledSize: tiled.frontier.size,
    recent: end.leaves,
    changes: collected.changes,
    counts: collected.counts.result(),
  };
}

/**
 * Adds the leaves of the tiles. Throws `RecoveryRefusal` unless they lead to the checkpoint, or the
 * database's tree, if it is larger, begins with the checkpoint's.
 */
async function withTiles(
  { db, blobs }: Pick<PlanDeps, "db" | "blobs">,
  start: Grown,
  stored: StoredCheckpoint,
  collected: Collected,
): Promise<Grown> {
  const { size } = start.frontier;
  if (stored.size <= size) {
    const root = await db.read((session) => rootOf(stored.size, nodeReader(session, size)));
    if (root.equals(stored.root)) return start;
    throw forked(stored.size);
  }
  let { frontier } = start;
  for await (const leaves of tiledLeaves(blobs, size, stored.size)) frontier = grownBy(frontier, leaves, collected);
  if (!rootOfFrontier(frontier).equals(stored.root)) throw await explainMismatch(blobs, stored, start.frontier);
  return { frontier, note: stored.note };
}

function grownBy(tree: Frontier, leaves: readonly StoredLeaf[], collected: Collected): Frontier {
  const hashes = leaves.map(({ leaf }) => leafHash(Buffer.from(leaf)));
  const rootAt: RootAt = (size) => rootOfFrontier(grow(tree, hashes.slice(0, size - tree.size)).frontier);
  for (const [at, leaf] of leaves.entries()) collected.add(leaf, tree.size + at, rootAt);
  return grow(tree, hashes).frontier;
}

/**
 * Takes those files of the newest leaves that continue the tree to one that the log signed. A file
 * that does not is of a tree that was given up (`log accept-rollback`).
 */
function withRecent(
  start: Grown,
  files: Awaited<ReturnType<typeof recentLeaves>>,
  collected: Collected,
): Grown & { readonly leaves: readonly StoredLeaf[] } {
  let { frontier, note } = start;
  const taken: StoredLeaf[] = [];
  for (const file of files) {
    if (file.from > frontier.size || file.to <= frontier.size) continue;
    const leaves = file.leaves.slice(frontier.size - file.from);
    const hashes = leaves.map(({ leaf }) => leafHash(Buffer.from(leaf)));
    const next = grow(frontier, hashes).frontier;
    if (checkpointOfNote(file.note)?.root.equals(rootOfFrontier(next)) !== true) continue;
    grownBy(frontier, leaves, collected);
    requireSigned(file.note, collected);
    ({ frontier, note } = { frontier: next, note: file.note });
    taken.push(...leaves);
  }
  return { frontier, note, leaves: taken };
}

/**
 * Throws unless the key of the database's log signed the note, or the last key that took its place
 * by a change that the keys signed.
 */
function requireSigned(note: string, { newestKey: newest }: Collected): void {
  const verified = verifyNote(note, [storedVerifier(newest)]);
  if (verified !== undefined && checkpointOfNote(note)?.origin === parseVerifierKey(newest)?.name) return;
  throw new RecoveryRefusal(
    "checkpoint_untrusted",
    `the checkpoint beside the archives is not signed by the key of this database's log, ${newest}: it is of another registry, or was changed.`,
  );
}
