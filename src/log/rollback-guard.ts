import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { parseCheckpoint } from "../tlog/checkpoint.ts";
import { parseDecimal } from "../tlog/encoding.ts";
import { rootOf } from "../tlog/merkle.ts";
import { verifyNote } from "../tlog/note.ts";
import { readVerifiers } from "./log-changes.ts";
import { type LogStateRow, nodeReader, readState } from "./log-rows.ts";
import { recentSize } from "./recent-leaves.ts";
import type { Rollback } from "./transparency-log.ts";
import type { WitnessClient } from "./witness-client.ts";

/** The name of the last checkpoint in the blob store. A restored database does not change it. */
export const CHECKPOINT_COPY = "log/checkpoint";
/** The size up to which an operator accepted that witnesses saw a longer log. */
const ACCEPTED_SIZE = "log/accepted-size";

/** Each reading of a damaged copy may be damaged in another way. */
const READS_MAX = 3;

/** What the rollback guard found. */
export interface GuardResult {
  readonly rollback: Rollback | undefined;
  /** The size of the tree in the copy. Undefined if there is no copy. */
  readonly copiedSize: number | undefined;
  /**
   * True if the log has leaves and no copy: then nothing here shows whether the database is old.
   */
  readonly isMissing: boolean;
}

type GuardDeps = { readonly db: Database; readonly blobs: BlobStore };

/**
 * Compares the database with the copy of the last checkpoint in the blob store. There is no
 * rollback if the database holds everything that was published, or if nothing was.
 *
 * There is a rollback if the database is behind the copy (an old backup was restored, or a replica
 * took over too early), if it has another history, or if the copy is no checkpoint of this log. A
 * copy that shows one is read again, because a damaged answer of the storage must not stop
 * publishing.
 */
export async function checkGuard(deps: GuardDeps): Promise<GuardResult> {
  const read = () => deps.blobs.readSidecar(CHECKPOINT_COPY);
  let copy = await read();
  for (let reads = 1; ; reads += 1) {
    const found = await compareWith(copy, deps);
    if (found.rollback === undefined || reads === READS_MAX) return found;
    const again = await read();
    if (again === copy) return found;
    copy = again;
  }
}

/** Reports whether a checkpoint, whoever signed it, is that of a log without leaves. */
export function isOfEmptyLog(checkpoint: string): boolean {
  return checkpoint.split("\n", 2)[1] === "0";
}

async function compareWith(copy: string | undefined, { db }: GuardDeps): Promise<GuardResult> {
  // Read the state after the copy. Another server may publish in between, and it commits before it
  // copies.
  const state = await db.read(readState);
  if (copy === undefined) return { rollback: undefined, copiedSize: undefined, isMissing: state.size > 0 };
  // The copy may be of a key that was replaced since, or of the log that this one continues.
  const { text = "", signed = [] } = verifyNote(copy, await db.read(readVerifiers)) ?? {};
  const published = parseCheckpoint(text);
  const isOwn = published !== undefined && signed.some(({ name }) => name === published.origin);
  // The empty log may have got another name. Such a copy shows as little as none.
  if (!isOwn && isOfEmptyLog(copy)) return { rollback: undefined, copiedSize: undefined, isMissing: state.size > 0 };
  if (!isOwn) {
    return { rollback: { publishedSize: undefined, foundSize: state.size }, copiedSize: undefined, isMissing: false };
  }
  const { size, root } = published;
  const isContinued =
    size <= state.size && (await db.read((session) => rootOf(size, nodeReader(session, state.size)))).equals(root);
  const rollback = isContinued ? undefined : { publishedSize: size, foundSize: state.size };
  return { rollback, copiedSize: size, isMissing: false };
}

/**
 * Checks the guard as `checkGuard` does. The copy may be as old as the database, or lost with the
 * machine. So if it shows no rollback, this looks for newer leaves in the storage and asks the
 * witnesses. Witnesses that do not answer in time are passed over.
 */
export async function checkGuardAtStart(
  deps: GuardDeps & { readonly witnesses: WitnessClient | undefined },
): Promise<GuardResult> {
  const copied = await checkGuard(deps);
  const found = { ...copied, rollback: copied.rollback ?? (await recentRollback(deps)) };
  if (found.rollback !== undefined || deps.witnesses === undefined) return found;
  const state = await deps.db.read(readState);
  const cosigned = await deps.witnesses.largestSize(state);
  const rollback = await witnessedRollback(deps, state, cosigned);
  return rollback === undefined ? found : { ...found, rollback };
}

/**
 * Finds a rollback of the last second: leaves that were answered and that the copy of the
 * checkpoint does not have yet.
 */
async function recentRollback({ db, blobs }: GuardDeps): Promise<Rollback | undefined> {
  const publishedSize = await recentSize(blobs);
  // Read the state after the files, which are written after their commit.
  const { size: foundSize } = await db.read(readState);
  return publishedSize > foundSize ? { publishedSize, foundSize } : undefined;
}

async function witnessedRollback(
  { db, blobs }: GuardDeps,
  { size: foundSize }: LogStateRow,
  cosigned: number,
): Promise<Rollback | undefined> {
  if (cosigned <= foundSize) return undefined;
  // Another server may have published and been cosigned in between.
  if ((await db.read(readState)).size >= cosigned) return undefined;
  const accepted = parseDecimal(((await blobs.readSidecar(ACCEPTED_SIZE)) ?? "").trim()) ?? 0;
  return cosigned <= accepted ? undefined : { publishedSize: cosigned, foundSize, isWitnessed: true };
}

/** Records that an operator accepted the loss of the leaves up to this size. */
export function acceptSize(blobs: BlobStore, size: number): Promise<void> {
  return blobs.putSidecar(ACCEPTED_SIZE, `${size}\n`);
}

/** Explains to an operator, in one line, that the copy of the checkpoint is missing. */
export const GUARD_MISSING_TEXT = `log_guard_missing: the log has leaves, and there is no copy of its last checkpoint (${CHECKPOINT_COPY}): if this database was restored, make sure that it is the newest. The next publish writes the copy.`;

/** Explains a rollback to an operator, with the ways out. */
export function rollbackText({ publishedSize, foundSize, isWitnessed }: Rollback): string {
  const published =
    publishedSize === undefined
      ? "The blob store has the checkpoint of another log"
      : isWitnessed === true
        ? `A witness cosigned ${publishedSize} leaves`
        : `The log published ${publishedSize} leaves`;
  return `log_rollback: ${published}, and the ${foundSize} leaves of this database do not continue it.
An older backup was restored, or a replica that lacked the last changes took over. Until you decide, the registry
answers reads and refuses every change that would be logged. Stop it, and then
  - recover what the database lacks: cpm-registry log recover --dry-run says what that is; or
  - put the newest database in its place.
Only if neither is possible, see cpm-registry log accept-rollback: it gives up what the database lacks, for ever.`;
}
