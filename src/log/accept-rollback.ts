import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { parseVerifierKey } from "../tlog/note.ts";
import { readState } from "./log-rows.ts";
import { CHECKPOINT_COPY, findRollback } from "./rollback-guard.ts";
import type { Rollback } from "./transparency-log.ts";

const OLD_COPY = "log/checkpoint-before-rollback";

/**
 * Accepts that the log went back, so that the registry may write again. It saves the checkpoint of
 * the blob store under another name, then replaces it with the checkpoint of the database.
 *
 * Without `yes` it changes nothing and returns the sizes of both. Returns undefined if there is no
 * rollback. No server may run at the same time: it would continue with what it found when it
 * started.
 */
export async function acceptRollback(
  deps: { readonly db: Database; readonly blobs: BlobStore },
  yes: boolean,
): Promise<Rollback | undefined> {
  const { vkey, checkpoint } = await deps.db.read(readState);
  const key = parseVerifierKey(vkey);
  if (key === undefined) throw new Error("The log's verifier key is malformed");
  const rollback = await findRollback(deps, key);
  if (rollback === undefined || !yes) return rollback;
  const copy = await deps.blobs.readSidecar(CHECKPOINT_COPY);
  if (copy !== undefined) await deps.blobs.putSidecar(OLD_COPY, copy);
  await deps.blobs.putSidecar(CHECKPOINT_COPY, checkpoint);
  return rollback;
}
