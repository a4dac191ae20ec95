import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { parseCheckpoint } from "../tlog/checkpoint.ts";
import { rootOf } from "../tlog/merkle.ts";
import { type VerifierKey, verifyNote } from "../tlog/note.ts";
import { nodeReader, readState } from "./log-rows.ts";
import type { Rollback } from "./transparency-log.ts";

/** Where the archives are, the last checkpoint lies too: a database that was restored does not take it along. */
export const CHECKPOINT_COPY = "log/checkpoint";

/**
 * Compares the database with the checkpoint beside the archives. Answers what is wrong: the database is behind it (an
 * old backup was restored, a replica took over too early), or has another history, or the copy is no checkpoint of this
 * log. Undefined where the database holds all that was published, or nothing was.
 */
export async function findRollback(
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
  key: VerifierKey,
): Promise<Rollback | undefined> {
  const copy = await blobs.readSidecar(CHECKPOINT_COPY);
  // After the copy: another server may publish meanwhile, and its newest copy is not older than what it committed.
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

/** What an operator must know and can do. */
export function rollbackText({ publishedSize, foundSize }: Rollback): string {
  const published =
    publishedSize === undefined
      ? "Beside the archives lies the checkpoint of another log"
      : `The log published ${publishedSize} leaves`;
  return `log_rollback: ${published}, and this database has ${foundSize} that are not its continuation.
An older backup was restored, or a replica took over that lacked the last changes. Until you decide, the registry
answers reads and refuses everything that would be logged. Either
  - restore the newest backup of the database, and start again; or
  - accept what is lost: cpm-registry log accept-rollback --yes, and start again. Whoever saw the longer log will notice.`;
}
