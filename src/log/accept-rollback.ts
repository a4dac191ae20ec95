import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { parseVerifierKey } from "../tlog/note.ts";
import { readState } from "./log-rows.ts";
import { CHECKPOINT_COPY, findRollback } from "./rollback-guard.ts";
import type { Rollback } from "./transparency-log.ts";

const KEPT_COPY = "log/checkpoint-before-rollback";

/**
 * Replaces the checkpoint beside the archives by the database's, so that the registry may write again; the old one is
 * kept under another name first. Without `yes` it only tells the sizes. Undefined when there is no rollback to accept.
 * No registry may run meanwhile: it would go on with what it found at its start.
 */
export async function acceptRollback(
  deps: { readonly db: Database; readonly blobs: BlobStore },
  yes: boolean,
): Promise<Rollback | undefined> {
  const { vkey, checkpoint } = await deps.db.read(readState);
  const key = parseVerifierKey(vkey);
  if (key === undefined) throw new Error("The log's verifier key cannot be read");
  const rollback = await findRollback(deps, key);
  if (rollback === undefined || !yes) return rollback;
  const copy = await deps.blobs.readSidecar(CHECKPOINT_COPY);
  if (copy !== undefined) await deps.blobs.putSidecar(KEPT_COPY, copy);
  await deps.blobs.putSidecar(CHECKPOINT_COPY, checkpoint);
  return rollback;
}
