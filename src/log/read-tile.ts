import { and, asc, gte, lt } from "drizzle-orm";
import type { DbSession } from "../db/database.ts";
import { HASH_BYTES } from "../tlog/merkle.ts";
import { decodeBundle, encodeBundle, TILE_WIDTH, type TileId, widthIn } from "../tlog/tile.ts";
import { bundleOf } from "./frontier.ts";
import { detailsText, type StoredLeaf } from "./leaf-details.ts";
import { DETAILS_LEVEL, ENTRIES_LEVEL, readState, readTail, readTailHashes, readTile } from "./log-rows.ts";

/**
 * Reads a tile or an entry bundle of c2sp.org/tlog-tiles. Returns undefined beyond the published
 * size.
 */
export async function readPublishedTile(session: DbSession, tile: TileId): Promise<Buffer | undefined> {
  const { size } = await readState(session);
  const level = tile.level === "entries" ? 0 : tile.level;
  if (widthIn(size, level, tile.index) < tile.width) return undefined;
  return tile.level === "entries" ? readEntries(session, tile) : readHashes(session, level, tile, size);
}

/** Reads leaf number `at` of a tree of `size` leaves. Throws if the leaf is missing. */
export async function readLeaf(session: DbSession, at: number, size: number): Promise<Uint8Array> {
  const [leaf] = await readLeaves(session, [at], size);
  if (leaf === undefined) throw new Error("A leaf of the log is missing");
  return leaf;
}

/** Reads leaves of a tree of `size` leaves, each bundle once. Throws if a leaf is missing. */
export async function readLeaves(session: DbSession, indexes: readonly number[], size: number): Promise<Uint8Array[]> {
  const bundles = new Map<number, readonly Uint8Array[]>();
  for (const index of new Set(indexes.map((at) => Math.floor(at / TILE_WIDTH)))) {
    const bundle = await readEntries(session, { level: "entries", index, width: widthIn(size, 0, index) });
    bundles.set(index, decodeBundle(bundle) ?? []);
  }
  return indexes.map((at) => {
    const leaf = bundles.get(Math.floor(at / TILE_WIDTH))?.[at % TILE_WIDTH];
    if (leaf === undefined) throw new Error("A leaf of the log is missing");
    return leaf;
  });
}

async function readHashes(session: DbSession, level: number, { index, width }: TileId, size: number) {
  const stored = await readTile(session, level, index);
  if (stored !== undefined) return stored.subarray(0, width * HASH_BYTES);
  // A partial tile of level 0 is not stored.
  return (await readTailHashes(session, size)).subarray(0, width * HASH_BYTES);
}

async function readEntries(session: DbSession, { index, width }: TileId): Promise<Buffer> {
  if (width < TILE_WIDTH) {
    const leaves = await readTail(session, index * TILE_WIDTH + width);
    if (leaves.length === width) return bundleOf(leaves.map(({ leaf }) => leaf));
  }
  const bundle = await readTile(session, ENTRIES_LEVEL, index);
  const entries = bundle === undefined ? undefined : decodeBundle(bundle);
  if (bundle === undefined || entries === undefined) throw new Error("An entry bundle of the log is missing");
  return width === TILE_WIDTH ? bundle : encodeBundle(entries.slice(0, width));
}

/**
 * Reads the leaves from index `from` to `to` with their details, from their rows or from full
 * bundles. Throws if one is missing.
 */
export async function readStoredLeaves(session: DbSession, from: number, to: number): Promise<StoredLeaf[]> {
  const { logLeaves } = session.tables;
  const rows: StoredLeaf[] = await session.query
    .select({ leaf: logLeaves.leaf, details: logLeaves.details })
    .from(logLeaves)
    .where(and(gte(logLeaves.index, from), lt(logLeaves.index, to)))
    .orderBy(asc(logLeaves.index));
  if (rows.length === to - from) return rows;
  const found: StoredLeaf[] = [];
  for (let at = from; at < to; ) {
    const index = Math.floor(at / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, to - index * TILE_WIDTH);
    const leaves = decodeBundle(await readEntries(session, { level: "entries", index, width })) ?? [];
    const details = (await readDetails(session, { level: "entries", index, width })).split("\n");
    const skipped = at - index * TILE_WIDTH;
    for (const [place, leaf] of leaves.slice(skipped).entries()) {
      const line = details[skipped + place];
      found.push({ leaf: leaf.toString("utf8"), details: line === undefined || line === "null" ? null : line });
    }
    at = index * TILE_WIDTH + width;
  }
  if (found.length !== to - from) throw new Error("Leaves of the log are missing");
  return found;
}

/**
 * Reads the details of the leaves of an entry bundle, one line of JSON for each leaf: `null` where
 * there are none.
 */
export async function readDetails(session: DbSession, { index, width }: TileId): Promise<string> {
  if (width < TILE_WIDTH) {
    const leaves = await readTail(session, index * TILE_WIDTH + width);
    if (leaves.length === width) return detailsText(leaves);
  }
  const data = await readTile(session, DETAILS_LEVEL, index);
  const lines = data === undefined ? [] : data.toString("utf8").split("\n");
  return detailsText(Array.from({ length: width }, (_, at) => ({ details: lines[at] ?? null })));
}
