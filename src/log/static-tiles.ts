import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { TILE_WIDTH, type TileId, tilePath, widthIn } from "../tlog/tile.ts";
import { readDetails, readPublishedTile } from "./read-tile.ts";

/** How many tiles are read and written at a time, which bounds the memory. */
const CONCURRENCY = 8;

/**
 * Yields the tiles that a tree of `to` leaves has and a tree of `from` leaves has not: from the
 * leaves up, and in each level in order.
 */
export function* tilesBetween(from: number, to: number): Generator<TileId> {
  for (let level = 0; widthIn(to, level, 0) > 0; level += 1) {
    const first = Math.floor(from / TILE_WIDTH ** (level + 1));
    for (let index = first, width = TILE_WIDTH; width === TILE_WIDTH; index += 1) {
      width = widthIn(to, level, index);
      if (width === 0 || width === widthIn(from, level, index)) continue;
      if (level === 0) yield { level: "entries", index, width };
      yield { level, index, width };
    }
  }
}

/**
 * Writes the tiles beside the archives that a tree of `to` leaves adds to one of `from` leaves, as
 * static files under the names of c2sp.org/tlog-tiles. The caller writes the checkpoint afterwards:
 * so a file server has every tile of the checkpoint that it serves, and the next call continues
 * from there, also after a crash. Writing a tile twice changes nothing.
 *
 * Returns false if `isStopped` ended it early.
 */
export async function writeStaticTiles(
  deps: { readonly db: Database; readonly blobs: BlobStore },
  from: number,
  to: number,
  isStopped: () => boolean = () => false,
): Promise<boolean> {
  let batch: TileId[] = [];
  for (const tile of tilesBetween(from, to)) {
    batch.push(tile);
    if (batch.length < CONCURRENCY) continue;
    if (isStopped()) return false;
    await Promise.all(batch.map((next) => writeTile(deps, next)));
    batch = [];
  }
  await Promise.all(batch.map((next) => writeTile(deps, next)));
  return true;
}

async function writeTile(
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
  tile: TileId,
): Promise<void> {
  const bytes = await db.read((session) => readPublishedTile(session, tile));
  if (bytes === undefined) throw new Error("A tile of the log is missing");
  await blobs.putSidecar(`log/${tilePath(tile)}`, new Uint8Array(bytes));
  if (tile.level !== "entries") return;
  const details = await db.read((session) => readDetails(session, tile));
  await blobs.putSidecar(detailsName(tile), details);
}

/**
 * Returns the name under which the details of a bundle's leaves lie. It is outside of `log/`, which
 * operators serve to everybody: a private registry names its publishers to nobody else.
 */
export function detailsName(tile: TileId): `recovery/${string}` {
  return `recovery/${tilePath(tile)}`;
}

/**
 * Removes the partial forms of the tiles that were partial in a tree of `from` leaves and are full
 * in one of `to` leaves. Call it once the checkpoint of `to` leaves is written. c2sp.org/tlog-tiles
 * allows it: a client with an older checkpoint asks for the full tile.
 */
export async function removePartialTiles(blobs: BlobStore, from: number, to: number): Promise<void> {
  for (const tile of tilesBetween(from, to)) {
    const wasPartial = widthIn(from, tile.level, tile.index) > 0;
    if (!wasPartial || tile.width !== TILE_WIDTH) continue;
    await blobs.removeSidecars(`log/${tilePath(tile)}.p`);
    if (tile.level === "entries") await blobs.removeSidecars(`${detailsName(tile)}.p`);
  }
}
