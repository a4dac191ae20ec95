import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { readState } from "./log-rows.ts";
import { acceptSize, CHECKPOINT_COPY, checkGuardAtStart } from "./rollback-guard.ts";
import { writeStaticTiles } from "./static-tiles.ts";
import type { Rollback } from "./transparency-log.ts";
import type { WitnessClient } from "./witness-client.ts";

const OLD_COPY = "log/checkpoint-before-rollback";

/**
 * Accepts that the log went back, so that the registry may write again. It saves the checkpoint of
 * the blob store under another name, then replaces tiles and checkpoint there with those of the
 * database. It also records the size that the witnesses saw. After a crash it starts again: as long
 * as the old checkpoint is there, so is the rollback.
 *
 * Without `yes` it changes nothing and returns the sizes of both. Returns undefined if there is no
 * rollback. No server may run at the same time: it would continue with what it found when it
 * started.
 */
export async function acceptRollback(
  deps: { readonly db: Database; readonly blobs: BlobStore; readonly witnesses: WitnessClient },
  yes: boolean,
): Promise<Rollback | undefined> {
  const { db, blobs, witnesses } = deps;
  const state = await db.read(readState);
  const { rollback } = await checkGuardAtStart(deps);
  if (rollback === undefined || !yes) return rollback;
  const copy = await blobs.readSidecar(CHECKPOINT_COPY);
  if (copy !== undefined) await blobs.putSidecar(OLD_COPY, copy);
  await acceptSize(blobs, Math.max(rollback.publishedSize ?? 0, await witnesses.largestSize(state)));
  // The lost leaves made tiles, too: full ones beyond the size of this log, and wider partial ones.
  await blobs.removeSidecars("log/tile");
  await blobs.removeSidecars("recovery");
  await writeStaticTiles(deps, 0, state.size);
  await blobs.putSidecar(CHECKPOINT_COPY, state.checkpoint);
  return rollback;
}
