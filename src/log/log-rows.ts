import { and, asc, eq, gte, inArray, lt, or } from "drizzle-orm";
import type { DbSession, Tables } from "../db/database.ts";
import { LOG } from "../db/invalidations.ts";
import { change, lockingStatement, placeholders, statement, valueFor } from "../db/statement.ts";
import { HASH_BYTES, type Hash, leafHash, type NodeId, nodesOf, type ReadNodes } from "../tlog/merkle.ts";
import { nodeFromTile, TILE_WIDTH, tileOfNode } from "../tlog/tile.ts";
import { bundleOf, type Frontier, type GrownTile } from "./frontier.ts";
import { detailsText, type StoredLeaf } from "./leaf-details.ts";

/* The log in the database: its state, the leaves of the last bundle, and the tiles. */

/** The level under which the table of tiles stores entry bundles. */
export const ENTRIES_LEVEL = -1;
/** The level under which the table of tiles stores the details of the leaves of a bundle. */
export const DETAILS_LEVEL = -2;

/** The one row of `log_state`: size, root and checkpoint of the log. */
export type LogStateRow = Tables["logState"]["$inferSelect"];

const selectState = statement<Record<string, never>, LogStateRow>(({ query, tables }) =>
  query.select().from(tables.logState),
);

const selectLocked = lockingStatement<Record<string, never>, LogStateRow>(({ query, tables }) =>
  query.select().from(tables.logState),
);

const updateState = change<Pick<LogStateRow, "size" | "root" | "checkpoint">>(({ query, tables: { logState } }) =>
  query
    .update(logState)
    .set({
      size: valueFor(logState.size, "size"),
      root: valueFor(logState.root, "root"),
      checkpoint: valueFor(logState.checkpoint, "checkpoint"),
    })
    .where(eq(logState.id, 1)),
);

const insertLeaf = change<{ index: number; leaf: string; details: string | null }>(({ query, tables: { logLeaves } }) =>
  query.insert(logLeaves).values(placeholders(logLeaves)),
);

/** Returns the verifier key of the database's log, or undefined if it has no log yet. */
export async function knownLogKey(session: DbSession): Promise<string | undefined> {
  return (await findState(session))?.vkey;
}

/** Reads the committed state of the log. Undefined before a registry has begun it. */
export async function findState(session: DbSession): Promise<LogStateRow | undefined> {
  const [state] = await selectState(session, {});
  return state;
}

/** Reads the committed state of the log. Throws if there is none: `openLog` creates it. */
export async function readState(session: DbSession): Promise<LogStateRow> {
  const state = await findState(session);
  if (state === undefined) throw new Error("The log has no state");
  return state;
}

/** Reads the state and locks the log: no other transaction can append until this one ends. */
export async function lockState(session: DbSession): Promise<LogStateRow> {
  const [state] = await selectLocked(session, {});
  if (state === undefined) throw new Error("The log has no state");
  session.invalidate(LOG);
  return state;
}

/** Writes the state after an append. */
export async function writeState(
  session: DbSession,
  state: Pick<LogStateRow, "size" | "root" | "checkpoint">,
): Promise<void> {
  await updateState(session, state);
}

/** Reads the leaves of the partial bundle in order. */
export function readTail({ query, tables: { logLeaves } }: DbSession, size: number): Promise<StoredLeaf[]> {
  const first = size - (size % TILE_WIDTH);
  return query
    .select({ leaf: logLeaves.leaf, details: logLeaves.details })
    .from(logLeaves)
    .where(and(gte(logLeaves.index, first), lt(logLeaves.index, size)))
    .orderBy(asc(logLeaves.index));
}

/** Reads a tile with all its hashes so far. Level 0 has full tiles only. */
export async function readTile(
  { query, tables: { logTiles } }: DbSession,
  level: number,
  index: number,
): Promise<Buffer | undefined> {
  const [row] = await query
    .select({ data: logTiles.data })
    .from(logTiles)
    .where(and(eq(logTiles.level, level), eq(logTiles.index, index)));
  return row?.data;
}

const tileKey = (level: number, index: number) => `${level}/${index}`;

/**
 * Reads nodes of a tree of `size` leaves, with one query for tiles and one for the leaves of the
 * partial bundle.
 */
export function nodeReader(session: DbSession, size: number): ReadNodes {
  return async (ids) => {
    const tiles = await tilesOf(session, ids, size);
    return ids.map((id) => {
      const { level, index } = tileOfNode(id);
      const tile = tiles.get(tileKey(level, index));
      if (tile === undefined) throw new Error("A tile of the log is missing");
      return nodeFromTile(tile, id);
    });
  };
}

async function tilesOf(session: DbSession, ids: readonly NodeId[], size: number): Promise<Map<string, Buffer>> {
  const { query, tables } = session;
  const { logTiles } = tables;
  const tail = Math.floor(size / TILE_WIDTH);
  const wanted = new Map(ids.map(tileOfNode).map((tile) => [tileKey(tile.level, tile.index), tile]));
  const isTail = wanted.delete(tileKey(0, tail));
  const byLevel = Map.groupBy(wanted.values(), ({ level }) => level);
  const conditions = [...byLevel].map(([level, tiles]) =>
    and(
      eq(logTiles.level, level),
      inArray(
        logTiles.index,
        tiles.map(({ index }) => index),
      ),
    ),
  );
  const rows =
    conditions.length === 0
      ? []
      : await query
          .select()
          .from(logTiles)
          .where(or(...conditions));
  const found = new Map(rows.map(({ level, index, data }) => [tileKey(level, index), data]));
  if (isTail) found.set(tileKey(0, tail), await readTailHashes(session, size));
  return found;
}

/**
 * Reads the hashes of the leaves in the partial bundle of a tree of `size` leaves. The log may have
 * grown since: then the bundle is full and its hashes are a tile.
 */
export async function readTailHashes(session: DbSession, size: number): Promise<Buffer> {
  const width = size % TILE_WIDTH;
  const leaves = await readTail(session, size);
  if (leaves.length === width) return hashesOf(leaves);
  const full = await readTile(session, 0, Math.floor(size / TILE_WIDTH));
  if (full === undefined) throw new Error("Leaves of the log are missing");
  return full.subarray(0, width * HASH_BYTES);
}

/** Encodes the hashes of leaves as a tile of level 0. */
function hashesOf(leaves: readonly StoredLeaf[]): Buffer {
  return Buffer.concat(leaves.map(({ leaf }) => leafHash(Buffer.from(leaf))));
}

function splitHashes(tile: Buffer): Hash[] {
  return Array.from({ length: tile.length / HASH_BYTES }, (_, at) =>
    tile.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/** Reads the frontier of a tree of `size` leaves. */
export async function readFrontier(session: DbSession, size: number): Promise<Frontier> {
  const ids = nodesOf({ start: 0, end: size });
  const hashes = ids.length === 0 ? [] : await nodeReader(session, size)(ids);
  const nodes = ids.map(({ level }, at) => ({ level, hash: hashes[at] ?? Buffer.alloc(0) }));
  const edges: Hash[][] = [splitHashes(await readTailHashes(session, size))];
  for (let level = 1; TILE_WIDTH ** level <= size; level += 1) {
    const width = Math.floor(size / TILE_WIDTH ** level) % TILE_WIDTH;
    const tile = width === 0 ? undefined : await readTile(session, level, Math.floor(size / TILE_WIDTH ** (level + 1)));
    edges.push(tile === undefined ? [] : splitHashes(tile.subarray(0, width * HASH_BYTES)));
  }
  return { size, nodes, edges };
}

/** Writes full and partial tiles. Hashes are only ever added to the end of a tile. */
export async function writeTiles(session: DbSession, grown: readonly GrownTile[]) {
  for (const { level, index, hashes } of grown) await putTile(session, { level, index, data: Buffer.concat(hashes) });
}

/** Writes leaves of a partial bundle. */
export async function writeLeaves(session: DbSession, first: number, leaves: readonly StoredLeaf[]): Promise<void> {
  const [leaf] = leaves;
  if (leaf === undefined) return;
  if (leaves.length === 1) return void (await insertLeaf(session, { index: first, ...leaf }));
  const { query, tables } = session;
  await query.insert(tables.logLeaves).values(leaves.map((leaf, at) => ({ index: first + at, ...leaf })));
}

/** Replaces the details of a leaf of the partial bundle. */
export async function writeLeafDetails(
  { query, tables: { logLeaves } }: DbSession,
  index: number,
  details: string | null,
): Promise<void> {
  await query.update(logLeaves).set({ details }).where(eq(logLeaves.index, index));
}

/**
 * Writes a full bundle as one row, and another with the details of its leaves. They replace what a
 * recovery that was given up left beyond the log.
 */
export async function writeBundle(session: DbSession, index: number, leaves: readonly StoredLeaf[]): Promise<void> {
  await putTile(session, { level: ENTRIES_LEVEL, index, data: bundleOf(leaves.map(({ leaf }) => leaf)) });
  await putTile(session, { level: DETAILS_LEVEL, index, data: Buffer.from(detailsText(leaves)) });
}

async function putTile(
  { query, tables: { logTiles } }: DbSession,
  row: { readonly level: number; readonly index: number; readonly data: Buffer },
): Promise<void> {
  await query
    .insert(logTiles)
    .values(row)
    .onConflictDoUpdate({ target: [logTiles.level, logTiles.index], set: { data: row.data } });
}

/** Deletes the rows of leaves that are in full bundles: those before `first`. */
export async function deleteLeavesBefore({ query, tables: { logLeaves } }: DbSession, first: number): Promise<void> {
  await query.delete(logLeaves).where(lt(logLeaves.index, first));
}
