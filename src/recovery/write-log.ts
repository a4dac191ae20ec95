import { eq } from "drizzle-orm";
import type { BlobStore } from "../blobs/store.ts";
import type { Database, DbSession } from "../db/database.ts";
import { READ_ONLY } from "../db/invalidations.ts";
import { grow } from "../log/frontier.ts";
import type { StoredLeaf } from "../log/leaf-details.ts";
import { insertLogChange, writeLogKey } from "../log/log-changes.ts";
import {
  deleteLeavesBefore,
  lockState,
  readFrontier,
  writeBundle,
  writeLeaves,
  writeState,
  writeTiles,
} from "../log/log-rows.ts";
import { readStoredLeaves } from "../log/read-tile.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { leafHash } from "../tlog/merkle.ts";
import { parseVerifierKey } from "../tlog/note.ts";
import { TILE_WIDTH } from "../tlog/tile.ts";
import type { RecoveryPlan } from "./plan-recovery.ts";
import { RecoveryRefusal } from "./recovery-refusal.ts";
import { tiledLeaves } from "./stored-log.ts";

interface WriteDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly failpoints: Failpoints;
}

/**
 * Continues the log in the database with the leaves of the plan. First it writes full bundles and
 * tiles beyond the present size, where nobody reads; then one transaction makes them the log, and
 * marks that the other tables lack what the new leaves record. A crash before that leaves the log
 * as it was. From that transaction on, nothing can be appended until the recovery is finished.
 */
export async function writeRecoveredLog(deps: WriteDeps, plan: RecoveryPlan): Promise<void> {
  const { db, failpoints } = deps;
  let frontier = await db.read((session) => readFrontier(session, plan.from));
  let bundle: StoredLeaf[] = [];
  const firstBundle = Math.floor(plan.from / TILE_WIDTH);
  let index = firstBundle;
  for await (const leaf of allLeaves(deps, firstBundle * TILE_WIDTH, plan)) {
    bundle.push(leaf);
    if (bundle.length < TILE_WIDTH) continue;
    const full = bundle;
    const { frontier: next, grown } = grow(frontier, newHashes(full, index, frontier.size));
    await db.write(async (session) => {
      await requireUnchanged(session, plan);
      await writeBundle(session, index, full);
      await writeTiles(session, grown);
    });
    failpoints.hit("recover.tiles");
    frontier = next;
    bundle = [];
    index += 1;
  }
  const { grown } = grow(frontier, newHashes(bundle, index, frontier.size));
  await db.write(async (session) => {
    await requireUnchanged(session, plan);
    await writeTiles(session, grown);
    await writeTail(session, index * TILE_WIDTH, bundle, plan.from);
    await switchState(session, plan);
  });
  failpoints.hit("recover.switched");
}

/** The leaves from index `first` on: those that the database has, then those of the plan. */
async function* allLeaves({ db, blobs }: WriteDeps, first: number, { from, tiledSize, recent }: RecoveryPlan) {
  yield* await db.read((session) => readStoredLeaves(session, first, from));
  for await (const leaves of tiledLeaves(blobs, from, tiledSize)) yield* leaves;
  yield* recent;
}

/** The hashes of those leaves of a bundle that a tree of `size` leaves has not. */
function newHashes(bundle: readonly StoredLeaf[], index: number, size: number) {
  const known = Math.max(0, size - index * TILE_WIDTH);
  return bundle.slice(known).map(({ leaf }) => leafHash(Buffer.from(leaf)));
}

/** Writes the leaves of the bundle that is not full, of which the database may have some. */
async function writeTail(session: DbSession, first: number, leaves: readonly StoredLeaf[], size: number) {
  await deleteLeavesBefore(session, first);
  const known = Math.max(0, size - first);
  await writeLeaves(session, first + known, leaves.slice(known));
}

async function switchState(session: DbSession, { from, to, root, checkpoint, changes }: RecoveryPlan): Promise<void> {
  await writeState(session, { size: to, root, checkpoint });
  for (const { index, leaf, checkpoint: kept } of changes) {
    await insertLogChange(session, { index, leaf, checkpoint: kept });
  }
  const vkey = changes.at(-1)?.entry.newKey;
  const origin = parseVerifierKey(vkey ?? "")?.name;
  if (vkey !== undefined && origin !== undefined) await writeLogKey(session, { origin, vkey });
  const { logState } = session.tables;
  await session.query.update(logState).set({ recoveredTo: from }).where(eq(logState.id, 1));
  session.invalidate(READ_ONLY);
}

/** Throws `RecoveryRefusal` if somebody has written to the log since it was compared. */
async function requireUnchanged(session: DbSession, { from, fromRoot }: RecoveryPlan): Promise<void> {
  const { size, root } = await lockState(session);
  if (size === from && root === fromRoot) return;
  throw new RecoveryRefusal(
    "database_differs",
    "the log of the database changed while it was recovered. Stop the registry on every machine and run the command again.",
  );
}
