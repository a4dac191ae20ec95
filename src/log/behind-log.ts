import type { BlobStore } from "../blobs/store.ts";
import type { Database } from "../db/database.ts";
import { errorCode, Failure } from "../errors.ts";
import { knownLogKey, readState } from "./log-rows.ts";
import { CHECKPOINT_COPY, checkGuardAtStart } from "./rollback-guard.ts";
import type { Rollback } from "./transparency-log.ts";

type Parts = { readonly db: Database; readonly blobs: BlobStore };

/**
 * Compares a database with the log in the storage. Returns a message for an operator if the database
 * is older, or if a recovery is not finished; undefined if it lacks nothing. Throws what the database
 * and the storage throw.
 */
export async function lagBehindLog({ db, blobs }: Parts): Promise<string | undefined> {
  if ((await db.read(knownLogKey)) === undefined) return (await isUsed(blobs)) ? NEVER_STARTED : undefined;
  const { rollback } = await checkGuardAtStart({ db, blobs, witnesses: undefined });
  if (rollback !== undefined) return `${rollbackLine(rollback)} ${RECOVER}`;
  const { recoveredTo } = await db.read(readState);
  return recoveredTo === null ? undefined : "log recover has not finished. Run cpm-registry log recover again.";
}

/** Reports whether a registry has used a storage. */
async function isUsed(blobs: BlobStore): Promise<boolean> {
  if ((await blobs.readSidecar(CHECKPOINT_COPY)) !== undefined) return true;
  for await (const _ of blobs.list()) return true;
  return false;
}

const NEVER_STARTED =
  "no registry was ever started on the database, and the storage is that of one. Check the settings of both, or restore a backup.";
const RECOVER = "Run cpm-registry log recover --dry-run, which says what it lacks.";

function rollbackLine({ publishedSize, foundSize }: Rollback): string {
  if (publishedSize === undefined) return "the database does not continue the log that lies beside the archives.";
  return `the database is behind its log: ${publishedSize} leaves were published, and it does not have them all (${foundSize}).`;
}

/** Whether a database is the newest one, as far as the storage shows it. */
export interface LogComparison {
  /** What it lacks, in words. Undefined if it lacks nothing, or could not be compared. */
  readonly behind: string | undefined;
  /** The code of the failure that kept it from being compared. */
  readonly notCompared: string | undefined;
}

/** Says that the comparison failed. `code` is the code of the failure. */
export function notComparedText(code: string): string {
  return `Whether the database has everything that its log published could not be compared (${code}).`;
}

/** Compares as `lagBehindLog` does, for a command that goes on although database or storage fails. */
export async function compareWithLog(parts: Parts): Promise<LogComparison> {
  try {
    return { behind: await lagBehindLog(parts), notCompared: undefined };
  } catch (cause) {
    const code = errorCode(cause) ?? (cause instanceof Failure ? cause.error.code : undefined);
    if (code === undefined) throw cause;
    return { behind: undefined, notCompared: code };
  }
}
