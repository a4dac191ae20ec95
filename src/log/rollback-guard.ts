import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { parseCheckpoint } from "../tlog/checkpoint.ts";
import { rootOf } from "../tlog/merkle.ts";
import { type VerifierKey, verifyNote } from "../tlog/note.ts";
import { nodeReader, readState } from "./log-rows.ts";
import type { Rollback } from "./transparency-log.ts";

/** The name of the last checkpoint in the blob store. A restored database does not change it. */
export const CHECKPOINT_COPY = "log/checkpoint";

/**
 * Compares the database with the copy of the last checkpoint in the blob store. Returns undefined
 * if the database holds everything that was published, or if nothing was.
 *
 * There is a rollback if the database is behind the copy (an old backup was restored, or a replica
 * took over too early), if it has another history, or if the copy is no checkpoint of this log.
 */
export async function findRollback(
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
  key: VerifierKey,
): Promise<Rollback | undefined> {
  const copy = await blobs.readSidecar(CHECKPOINT_COPY);
  // Read the state after the copy. Another server may publish in between, and it commits before it
  // copies.
  const state = await db.read(readState);
  if (copy === undefined || copy === state.checkpoint) return undefined;
  const found = { foundSize: state.size };
  const published = parseCheckpoint(verifyNote(copy, [key])?.text ?? "");
  if (published?.origin !== state.origin) return { ...found, publishedSize: undefined };
  const { size, root } = published;
  if (size > state.size) return { ...found, publishedSize: size };
  const rootThen = await db.read((session) => rootOf(size, nodeReader(session, state.size)));
  return rootThen.equals(root) ? undefined : { ...found, publishedSize: size };
}

/** Explains a rollback to an operator, with the two ways out. */
export function rollbackText({ publishedSize, foundSize }: Rollback): string {
  const published =
    publishedSize === undefined
      ? "The blob store has the checkpoint of another log"
      : `The log published ${publishedSize} leaves`;
  return `log_rollback: ${published}, and the ${foundSize} leaves of this database do not continue it.
An older backup was restored, or a replica that lacked the last changes took over. Until you decide, the registry
answers reads and refuses every change that would be logged. Either
  - restore the newest backup of the database and start again; or
  - accept the loss: run cpm-registry log accept-rollback --yes and start again. Clients that saw the longer log will
    notice.`;
}
