import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { failure } from "../errors.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { type Hash, leafHash } from "../tlog/merkle.ts";
import { TILE_WIDTH } from "../tlog/tile.ts";
import { bundleOf, type Frontier, grow, proofsOfNew, rootOfFrontier } from "./frontier.ts";
import {
  type LogStateRow,
  lockState,
  readFrontier,
  readTail,
  writeBundle,
  writeLeaves,
  writeState,
  writeTiles,
} from "./log-rows.ts";

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

/** Implements `TransparencyLog.append`. */
export async function appendLeaves(
  session: DbSession,
  log: AppendTarget,
  leaves: readonly string[],
  recordIndex: (firstIndex: number) => Promise<unknown>,
): Promise<Appended> {
  if (log.rollback !== undefined) throw failure({ code: "log_rollback" });
  if (log.signer === undefined) throw failure({ code: "log_key_missing" });
  const state = await lockState(session);
  // The key was changed since this process started. It must not sign with the old key alone.
  log.recordKey(state.vkey);
  if (!log.hasKey) throw failure({ code: "log_key_missing" });
  const { readOnlyReason: reason } = state;
  if (reason !== null) throw failure({ code: "read_only", reason });
  // A replica that lacked the last changes has taken over. The log signed a tree of this size for
  // those changes, and must not sign another one.
  if (state.size < log.committedSize) {
    log.onAppend();
    throw failure({ code: "log_rollback" });
  }
  const before = log.frontierOf(state) ?? (await storedFrontier(session, log, state));
  const hashes = leaves.map((leaf) => leafHash(Buffer.from(leaf)));
  const { frontier, grown } = grow(before, hashes);
  const [checkpoint] = await pipelined([
    writeCheckpoint(session, log, frontier),
    writeEntries(session, state.size, leaves),
    writeTiles(session, grown),
    recordIndex(state.size),
  ]);
  log.failpoints.hit("log.appended");
  return { firstIndex: state.size, proofOf: proofsOfNew(before, hashes), checkpoint };
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

/**
 * Writes leaves as rows of their own until their bundle is full, then the whole bundle as one row.
 */
async function writeEntries(session: DbSession, size: number, leaves: readonly string[]): Promise<void> {
  const inTail = size % TILE_WIDTH;
  if (inTail + leaves.length < TILE_WIDTH) return writeLeaves(session, size, leaves);
  const all = [...(await readTail(session, size)), ...leaves];
  const firstBundle = Math.floor(size / TILE_WIDTH);
  const fullBundles = Math.floor(all.length / TILE_WIDTH);
  for (let at = 0; at < fullBundles; at += 1) {
    await writeBundle(session, firstBundle + at, bundleOf(all.slice(at * TILE_WIDTH, (at + 1) * TILE_WIDTH)));
  }
  return writeLeaves(session, (firstBundle + fullBundles) * TILE_WIDTH, all.slice(fullBundles * TILE_WIDTH));
}

async function writeCheckpoint(session: DbSession, log: AppendTarget, frontier: Frontier) {
  const root = rootOfFrontier(frontier);
  const { size } = frontier;
  const checkpoint = log.sign(formatCheckpoint({ origin: log.origin, size, root }));
  const state = { size, root: root.toString("hex"), checkpoint };
  await writeState(session, state);
  log.setFrontier(state, frontier);
  return checkpoint;
}
