import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { checkpointOfNote } from "../tlog/checkpoint.ts";
import { readState } from "./log-rows.ts";
import { CHECKPOINT_COPY } from "./rollback-guard.ts";

const KEPT_COPY = "log/checkpoint-before-rollback";

/**
 * Replaces the checkpoint beside the archives by the database's, so that the registry may write again; the old one is
 * kept under another name first. Without `yes` it only tells the sizes.
 */
export async function acceptRollback(
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
  yes: boolean,
) {
  const copy = await blobs.readNote(CHECKPOINT_COPY);
  const { size: foundSize, checkpoint } = await db.read(readState);
  if (yes && copy !== checkpoint) {
    if (copy !== undefined) await blobs.writeNote(KEPT_COPY, copy);
    await blobs.writeNote(CHECKPOINT_COPY, checkpoint);
  }
  return { publishedSize: checkpointOfNote(copy ?? "")?.size, foundSize, accepted: yes };
}
