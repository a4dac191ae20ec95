import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { EMPTY_ROOT } from "../tlog/merkle.ts";
import { type SignerKey, signNote } from "../tlog/note.ts";
import { writeLogKey } from "./log-changes.ts";
import { vkeyOf } from "./log-keys.ts";
import { knownLogKey, lockState, readState, writeState } from "./log-rows.ts";
import { CHECKPOINT_COPY, isOfEmptyLog } from "./rollback-guard.ts";

interface LogPlace {
  readonly db: Database;
  readonly blobs: BlobStore;
}

/**
 * Returns the origin of a log that nobody can rely on: it has no leaf, and no checkpoint with
 * leaves was published. Undefined for every other log, and if there is none.
 */
export async function unpublishedLog({ db, blobs }: LogPlace): Promise<string | undefined> {
  if ((await db.read(knownLogKey)) === undefined) return undefined;
  const { size, origin } = await db.read(readState);
  if (size > 0) return undefined;
  const copy = await blobs.readSidecar(CHECKPOINT_COPY);
  return copy === undefined || isOfEmptyLog(copy) ? origin : undefined;
}

/**
 * Gives a log without leaves another origin and key, in one transaction. Returns false if it has
 * got a leaf meanwhile.
 */
export function renameEmptyLog(db: Database, signer: SignerKey): Promise<boolean> {
  const origin = signer.name;
  const checkpoint = signNote(formatCheckpoint({ origin, size: 0, root: EMPTY_ROOT }), signer);
  return db.write(async (session) => {
    const { size } = await lockState(session);
    if (size > 0) return false;
    await writeLogKey(session, { origin, vkey: vkeyOf(signer) });
    await writeState(session, { size, root: EMPTY_ROOT.toString("hex"), checkpoint });
    return true;
  });
}
