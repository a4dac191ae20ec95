import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { failure } from "../errors.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { type Hash, leafHash } from "../tlog/merkle.ts";
import { TILE_WIDTH } from "../tlog/tile.ts";
import { type Frontier, grow, proofsOfNew, rootOfFrontier } from "./frontier.ts";
import type { LeafDetails, StoredLeaf } from "./leaf-details.ts";
import {
  deleteLeavesBefore,
  type LogStateRow,
  lockState,
  readFrontier,
  readTail,
  writeBundle,
  writeLeaves,
  writeState,
  writeTiles,
} from "./log-rows.ts";

/** The reason that a server gives when it refuses a change because `log recover` is not finished. */
export const RECOVERY_REASON = "what its database lacks is being recovered from its log";

/** The place of appended leaves in the log, and the proofs that they are there. */
export interface Appended {
  /** The index of the first leaf. The others follow without a gap. */
  readonly firstIndex: number;
  /**
   * Returns the inclusion proof of appended leaf number `at` (from 0) in the tree of `checkpoint`.
   */
  proofOf(at: number): readonly Hash[];
  readonly checkpoint: string;
}

/** The members of a `TransparencyLog` that an append needs. */
interface AppendTarget {
  readonly origin: string;
  readonly hasKey: boolean;
  readonly signer: object | undefined;
  readonly failpoints: Failpoints;
  readonly rollback: object | undefined;
  readonly committedSize: number;
  onAppend(): void;
  sign(text: string): string;
  recordKey(vkey: string): void;
  hasSigned(state: Pick<LogStateRow, "checkpoint" | "size" | "root">): boolean;
  frontierOf(state: Pick<LogStateRow, "size" | "root">): Frontier | undefined;
  setFrontier(state: Pick<LogStateRow, "root">, frontier: Frontier): void;
}

/** A leaf to append with what `log recover` needs beside it, or a leaf without that. */
export type NewLeaf =
  | string
  | { readonly leaf: string; readonly details: LeafDetails | ((checkpoint: string) => LeafDetails) };

function textOf(leaf: NewLeaf): string {
  return typeof leaf === "string" ? leaf : leaf.leaf;
}

/** Implements `TransparencyLog.append`. */
export async function appendLeaves(
  session: DbSession,
  log: AppendTarget,
  leaves: readonly NewLeaf[],
  recordIndex: (firstIndex: number) => Promise<unknown>,
): Promise<Appended> {
  if (log.rollback !== undefined) throw failure({ code: "log_rollback" });
  if (log.signer === undefined) throw failure({ code: "log_key_missing" });
  const state = await lockState(session);
  // The key was changed since this process started. It must not sign with the old key alone.
  log.recordKey(state.vkey);
  if (!log.hasKey) throw failure({ code: "log_key_missing" });
  requireWritable(state);
  // A replica that lacked the last changes has taken over. The log signed a tree of this size for
  // those changes, and must not sign another one.
  if (state.size < log.committedSize) {
    log.onAppend();
    throw failure({ code: "log_rollback" });
  }
  const before = log.frontierOf(state) ?? (await storedFrontier(session, log, state));
  const hashes = leaves.map((leaf) => leafHash(Buffer.from(textOf(leaf))));
  const { frontier, grown } = grow(before, hashes);
  const { size } = frontier;
  const root = rootOfFrontier(frontier);
  const checkpoint = log.sign(formatCheckpoint({ origin: log.origin, size, root }));
  const next = { size, root: root.toString("hex"), checkpoint };
  await pipelined([
    writeState(session, next),
    writeEntries(session, state.size, stored(leaves, checkpoint)),
    writeTiles(session, grown),
    recordIndex(state.size),
  ]);
  log.setFrontier(next, frontier);
  log.failpoints.hit("log.appended");
  return { firstIndex: state.size, proofOf: proofsOfNew(before, hashes), checkpoint };
}

/** Throws `read_only` if an operator stopped changes, or a recovery of the log is not finished. */
function requireWritable({ readOnlyReason, recoveredTo }: LogStateRow): void {
  if (recoveredTo !== null) throw failure({ code: "read_only", reason: RECOVERY_REASON });
  if (readOnlyReason !== null) throw failure({ code: "read_only", reason: readOnlyReason });
}

/**
 * Reads the frontier from the database. Throws `database_corrupt` unless it is that of the last
 * tree, and the log signed this tree: whoever wrote to the database must not get their leaves
 * signed.
 */
async function storedFrontier(session: DbSession, log: AppendTarget, state: LogStateRow): Promise<Frontier> {
  const frontier = await readFrontier(session, state.size);
  if (log.hasSigned(state) && rootOfFrontier(frontier).toString("hex") === state.root) return frontier;
  throw failure({ code: "database_corrupt" });
}

function stored(leaves: readonly NewLeaf[], checkpoint: string): StoredLeaf[] {
  return leaves.map((given) => {
    if (typeof given === "string") return { leaf: given, details: null };
    const { leaf, details } = given;
    return { leaf, details: JSON.stringify(typeof details === "function" ? details(checkpoint) : details) };
  });
}

/**
 * Writes leaves as rows of their own until their bundle is full, then the whole bundle as one row.
 */
async function writeEntries(session: DbSession, size: number, leaves: readonly StoredLeaf[]): Promise<void> {
  const inTail = size % TILE_WIDTH;
  if (inTail + leaves.length < TILE_WIDTH) return writeLeaves(session, size, leaves);
  const all = [...(await readTail(session, size)), ...leaves];
  const firstBundle = Math.floor(size / TILE_WIDTH);
  const fullBundles = Math.floor(all.length / TILE_WIDTH);
  for (let at = 0; at < fullBundles; at += 1) {
    await writeBundle(session, firstBundle + at, all.slice(at * TILE_WIDTH, (at + 1) * TILE_WIDTH));
  }
  const first = (firstBundle + fullBundles) * TILE_WIDTH;
  await deleteLeavesBefore(session, first);
  return writeLeaves(session, first, all.slice(fullBundles * TILE_WIDTH));
}
