import type { BlobStore } from "../blobs/store.ts";
import { type Frontier, rootOfFrontier } from "../log/frontier.ts";
import { HASH_BYTES, leafHash, type ReadNodes, rootOf } from "../tlog/merkle.ts";
import { nodeFromTile, TILE_WIDTH, type TileId, tileOfNode, tilePath, widthIn } from "../tlog/tile.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";
import { damaged, type StoredCheckpoint, tiledLeaves } from "./stored-log.ts";

type Blobs = Pick<BlobStore, "readSidecar" | "readSidecarBytes" | "sidecarsIn">;

/**
 * Finds out why the leaves beside the archives do not lead from the database's tree to the
 * checkpoint's root: a tile is damaged or missing, or the two are different logs.
 */
export async function explainMismatch(
  blobs: Blobs,
  stored: StoredCheckpoint,
  ours: Frontier,
): Promise<RecoveryRefusal> {
  const read = tileReader(blobs, stored.size);
  const root = await rootOf(stored.size, read);
  const before = await rootOf(ours.size, read);
  if (root.equals(stored.root) && !before.equals(rootOfFrontier(ours))) {
    return forked(ours.size);
  }
  return (await damagedBundle(blobs, stored.size, ours.size)) ?? damaged({ level: 0, index: 0, width: TILE_WIDTH });
}

/** The refusal of a database whose first `size` leaves are not those beside the archives. */
export function forked(size: number): RecoveryRefusal {
  return new RecoveryRefusal(
    "log_forked",
    `the log beside the archives has another history than this database: their first ${size} leaves differ. Restore another backup. This one is of another registry, or something was published in it after the log had gone on elsewhere.`,
  );
}

function tileReader(blobs: Blobs, size: number): ReadNodes {
  const tiles = new Map<string, Promise<Uint8Array>>();
  return (ids) =>
    Promise.all(
      ids.map(async (id) => {
        const { level, index } = tileOfNode(id);
        const tile: TileId = { level, index, width: widthIn(size, level, index) };
        const key = tilePath(tile);
        const reading = tiles.get(key) ?? readTile(blobs, tile);
        tiles.set(key, reading);
        return nodeFromTile(await reading, id);
      }),
    );
}

async function readTile(blobs: Blobs, tile: TileId): Promise<Uint8Array> {
  const path = `log/${tilePath(tile)}` as const;
  const full = `log/${tilePath({ ...tile, width: TILE_WIDTH })}` as const;
  const bytes = (await blobs.readSidecarBytes(path)) ?? (await blobs.readSidecarBytes(full));
  if (bytes === undefined) throw new RecoveryRefusal("tile_missing", `${path} is missing beside the archives.`, [path]);
  if (bytes.length < tile.width * HASH_BYTES) throw damaged(tile);
  return bytes;
}

/** Finds the first bundle whose leaves are not those of its tile of hashes. */
async function damagedBundle(blobs: Blobs, size: number, from: number): Promise<RecoveryRefusal | undefined> {
  let index = Math.floor(from / TILE_WIDTH);
  for await (const leaves of tiledLeaves(blobs, index * TILE_WIDTH, size)) {
    const hashes = await readTile(blobs, { level: 0, index, width: widthIn(size, 0, index) });
    const own = Buffer.concat(leaves.map(({ leaf }) => leafHash(Buffer.from(leaf))));
    if (!own.equals(Buffer.from(hashes).subarray(0, own.length))) {
      return damaged({ level: "entries", index, width: widthIn(size, 0, index) });
    }
    index += 1;
  }
  return undefined;
}
