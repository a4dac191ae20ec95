import type { DbSession } from "../db/database.ts";
import { pipelined } from "../db/pipeline.ts";
import { failure } from "../errors.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { type Hash, leafHash } from "../tlog/merkle.ts";
import type { SignerKey } from "../tlog/note.ts";
import { signNote } from "../tlog/note.ts";
import { TILE_WIDTH } from "../tlog/tile.ts";
import { bundleOf, type Frontier, type GrownTile, grow, proofsOfNew, rootOfFrontier } from "./frontier.ts";
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

/** Where leaves came to stand, and what proves that they are there. */
export interface Appended {
  /** Of the first leaf; the others follow without gap. */
  readonly firstIndex: number;
  /** The inclusion proof, in the tree of the checkpoint, of the leaf at this place among those that were appended. */
  proofOf(at: number): readonly Hash[];
  readonly checkpoint: string;
}

/** As much of an open log as it takes to append to it. */
interface OpenLog {
  readonly origin: string;
  readonly signer: SignerKey;
  readonly failpoints: Failpoints;
  readonly rollback: object | undefined;
  readonly committedSize: number;
  onNews(): void;
  recall(state: Pick<LogStateRow, "size" | "root">): Frontier | undefined;
  remember(state: Pick<LogStateRow, "root">, frontier: Frontier): void;
}

/** What `TransparencyLog.append` promises. */
export async function appendLeaves(
  session: DbSession,
  log: OpenLog,
  leaves: readonly string[],
  place: (firstIndex: number) => Promise<unknown>,
): Promise<Appended> {
  if (log.rollback !== undefined) throw failure({ code: "log_rollback" });
  const state = await lockState(session);
  // A replica took over that lacked the last changes: what was signed for them must not be signed for others.
  if (state.size < log.committedSize) {
    log.onNews();
    throw failure({ code: "log_rollback" });
  }
  const before = log.recall(state) ?? (await readFrontier(session, state.size));
  const hashes = leaves.map((leaf) => leafHash(Buffer.from(leaf)));
  let frontier = before;
  const grown = new Map<string, GrownTile>();
  for (const hash of hashes) {
    const next = grow(frontier, hash);
    for (const tile of next.grown) grown.set(`${tile.level}/${tile.index}`, tile);
    frontier = next.frontier;
  }
  const [checkpoint] = await pipelined([
    writeCheckpoint(session, log, frontier),
    writeEntries(session, state.size, leaves),
    writeTiles(session, [...grown.values()]),
    place(state.size),
  ]);
  log.failpoints.hit("log.appended");
  return { firstIndex: state.size, proofOf: proofsOfNew(before, hashes), checkpoint };
}

/** Leaves are rows until their bundle is full; then they are one row. */
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

async function writeCheckpoint(session: DbSession, log: OpenLog, frontier: Frontier) {
  const root = rootOfFrontier(frontier);
  const { size } = frontier;
  const checkpoint = signNote(formatCheckpoint({ origin: log.origin, size, root }), log.signer);
  const state = { size, root: root.toString("hex"), checkpoint };
  await writeState(session, state);
  log.remember(state, frontier);
  return checkpoint;
}
