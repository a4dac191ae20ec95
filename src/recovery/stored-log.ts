import type { BlobStore } from "../blobs/store.ts";
import type { StoredLeaf } from "../log/leaf-details.ts";
import { type RecentFile, readRecent, recentFiles } from "../log/recent-leaves.ts";
import { CHECKPOINT_COPY } from "../log/rollback-guard.ts";
import { detailsName } from "../log/static-tiles.ts";
import { type Checkpoint, checkpointOfNote } from "../tlog/checkpoint.ts";
import { decodeBundle, TILE_WIDTH, type TileId, tilePath, widthIn } from "../tlog/tile.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";

type Blobs = Pick<BlobStore, "readSidecar" | "readSidecarBytes" | "sidecarsIn">;

/** A checkpoint beside the archives. Nothing of it is verified yet. */
export interface StoredCheckpoint extends Checkpoint {
  /** The signed note. */
  readonly note: string;
}

/**
 * Reads the checkpoint up to which there are tiles. Throws `RecoveryRefusal` if there is none.
 */
export async function readStoredCheckpoint(blobs: Blobs): Promise<StoredCheckpoint> {
  const note = await blobs.readSidecar(CHECKPOINT_COPY);
  const checkpoint = checkpointOfNote(note ?? "");
  if (note !== undefined && checkpoint !== undefined) return { ...checkpoint, note };
  throw new RecoveryRefusal(
    "no_checkpoint",
    `there is no checkpoint of a log beside the archives (${CHECKPOINT_COPY}): the storage holds nothing to recover from. Check the STORAGE_* settings and DATA_DIR, or put ${CHECKPOINT_COPY}, log/tile and recovery back.`,
  );
}

/**
 * Yields the leaves that the tiles of a tree of `size` leaves have, from index `from` on, bundle by
 * bundle. Throws `RecoveryRefusal` for a bundle that is missing or damaged.
 */
export async function* tiledLeaves(blobs: Blobs, from: number, size: number): AsyncGenerator<StoredLeaf[]> {
  if (size <= from) return;
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < size; index += 1) {
    const tile: TileId = { level: "entries", index, width: widthIn(size, 0, index) };
    const leaves = await readBundle(blobs, tile);
    yield leaves.slice(Math.max(0, from - index * TILE_WIDTH));
  }
}

async function readBundle(blobs: Blobs, tile: TileId): Promise<StoredLeaf[]> {
  // The partial form may be gone already, once the full one is there.
  const forms = tile.width === TILE_WIDTH ? [tile] : [tile, { ...tile, width: TILE_WIDTH }];
  for (const form of forms) {
    const bytes = await blobs.readSidecarBytes(`log/${tilePath(form)}`);
    if (bytes === undefined) continue;
    const leaves = decodeBundle(bytes)?.slice(0, tile.width);
    if (leaves?.length !== tile.width) throw damaged(form);
    const details = ((await blobs.readSidecar(detailsName(form))) ?? "").split("\n");
    return leaves.map((leaf, at) => ({ leaf: leaf.toString("utf8"), details: detailsLine(details[at]) }));
  }
  const path = `log/${tilePath(tile)}`;
  throw new RecoveryRefusal(
    "tile_missing",
    `${path} is missing beside the archives. Put it back from a copy of the storage, or from whoever mirrors the log.`,
    [path],
  );
}

function detailsLine(line: string | undefined): string | null {
  return line === undefined || line === "" || line === "null" ? null : line;
}

/** The refusal of a tile that is not what the log signed. */
export function damaged(tile: TileId): RecoveryRefusal {
  const path = `log/${tilePath(tile)}`;
  return new RecoveryRefusal(
    "tile_damaged",
    `${path} is not what the log signed. Put the right file back from a copy of the storage.`,
    [path],
  );
}

/** The newest leaves beside the archives, in files that may overlap. */
export async function recentLeaves(
  blobs: Blobs,
): Promise<(RecentFile & { leaves: readonly StoredLeaf[]; note: string })[]> {
  const files = await recentFiles(blobs);
  const read = await Promise.all(files.map(async (file) => ({ file, text: await readRecent(blobs, file) })));
  return read.flatMap(({ file, text }) =>
    text === undefined ? [] : [{ ...file, leaves: text.leaves, note: text.checkpoint }],
  );
}
