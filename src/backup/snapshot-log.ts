import type { SnapshotFile, SnapshotLog } from "../db/snapshot-file.ts";
import { parseCheckpoint } from "../tlog/checkpoint.ts";
import { leafHash, type ReadNodes, rootOf } from "../tlog/merkle.ts";
import { parseVerifierKey, verifyNote } from "../tlog/note.ts";
import { nodeFromTile, TILE_WIDTH, tileOfNode } from "../tlog/tile.ts";

/** Reads nodes of the tree of a snapshot's log. A missing tile is a RangeError. */
function nodesOf(snapshot: SnapshotFile, size: number): ReadNodes {
  const tail = Math.floor(size / TILE_WIDTH);
  const tailHashes = () =>
    Buffer.concat(snapshot.leavesFrom(tail * TILE_WIDTH).map((leaf) => leafHash(Buffer.from(leaf))));
  return async (ids) =>
    ids.map((id) => {
      const { level, index } = tileOfNode(id);
      const tile = level === 0 && index === tail ? tailHashes() : snapshot.tile(level, index);
      return nodeFromTile(tile ?? new Uint8Array(), id);
    });
}

/**
 * Checks the log of a snapshot: its checkpoint is signed by its key, and is that of the tree that
 * the snapshot holds. Returns what is wrong. The leaves themselves are what `log audit` checks.
 */
export async function logProblems(snapshot: SnapshotFile, log: SnapshotLog): Promise<string[]> {
  const verifier = parseVerifierKey(log.vkey);
  const note = verifier && verifyNote(log.checkpoint, [verifier]);
  const checkpoint = note && parseCheckpoint(note.text);
  if (checkpoint === undefined) return ["the checkpoint of the log is not signed by the key of the log"];
  if (checkpoint.size !== log.size || checkpoint.root.toString("hex") !== log.root)
    return ["the checkpoint of the log is that of another tree"];
  try {
    const root = await rootOf(log.size, nodesOf(snapshot, log.size));
    return root.equals(checkpoint.root) ? [] : ["the tiles of the log are those of another tree"];
  } catch (cause) {
    if (cause instanceof RangeError) return ["tiles of the log are missing"];
    throw cause;
  }
}
