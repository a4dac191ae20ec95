import { existsSync } from "node:fs";
import { link, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { abandonedFiles, discardFile, storageFailure, temporaryPath } from "../blobs/incoming.ts";
import { errorCode } from "../errors.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { syncPath } from "../runtime/sync-path.ts";

function taken(path: string): OperatorError {
  return new OperatorError(`there is a file ${path} already. Move it away, or name another place.`);
}

/** Throws if a database, or what belongs to one that was moved away, is at `path`. */
export function requireNoDatabase(path: string): void {
  // SQLite would take an old WAL for that of the new file, and destroy it.
  const found = ["", "-wal", "-shm", "-journal"].map((suffix) => path + suffix).find((name) => existsSync(name));
  if (found !== undefined) throw taken(found);
}

/**
 * Makes a file that is at `path` as a whole or not at all, and durable when this returns. `write`
 * gets the path of a temporary file beside it. Files that killed processes left there are removed.
 * Throws `OperatorError` if `path` is taken, and `storage_full`.
 */
export async function makeDatabaseFile<T>(
  path: string,
  clock: () => Date,
  write: (temporary: string) => Promise<T>,
): Promise<T> {
  requireNoDatabase(path);
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  for await (const { path: left } of abandonedFiles(directory, clock().getTime(), 0)) await discardFile(left);
  const temporary = temporaryPath(directory, "database");
  try {
    const done = await write(temporary);
    await syncPath(temporary, "r+");
    requireNoDatabase(path);
    // A link never overwrites.
    await link(temporary, path);
    // Before the sync: a power cut must not leave the database a second name.
    await discardFile(temporary);
    await syncPath(directory, "r");
    return done;
  } catch (cause) {
    throw errorCode(cause) === "EEXIST" ? taken(path) : storageFailure(cause);
  } finally {
    await discardFile(temporary);
  }
}
