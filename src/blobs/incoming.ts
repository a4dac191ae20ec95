import { open, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, failure } from "../errors.ts";

/** An empty file needs no block and fits on a full disk; so does a small one where file systems keep it in its inode. */
const PROBE_BYTES = 64 * 1024;
/** A client that sends nothing is let go after a minute, so a file nobody wrote to for this long has no server any more. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;
const TEMPORARY_NAME = /^(?:upload|download|check)-/;

/** A temporary file that nobody writes to any more. */
export interface AbandonedFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/** Makes a full disk an expected failure and leaves every other cause as it is. */
export function storageFailure(cause: unknown): unknown {
  const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(errorCode(cause) ?? "");
  return full ? failure({ code: "storage_full" }, cause) : cause;
}

/** Throws when files cannot be written to `directory`; the system's code is on the error. */
export async function checkWritable(directory: string): Promise<void> {
  const probe = join(directory, `check-${crypto.randomUUID()}`);
  const handle = await open(probe, "wx");
  try {
    await handle.writeFile(new Uint8Array(PROBE_BYTES));
    await handle.sync();
  } finally {
    await handle.close();
    await unlink(probe);
  }
}

/**
 * Temporary files that nobody wrote to for `olderThanMs`. Age decides, because another replica may share the directory
 * and be receiving right now; `nowMs` must come from the clock that dates the files. A file may be gone before it is
 * looked at.
 */
export async function* abandonedFiles(
  incomingDir: string,
  nowMs: number,
  olderThanMs: number,
): AsyncGenerator<AbandonedFile> {
  for (const entry of await readdir(incomingDir, { withFileTypes: true })) {
    if (!entry.isFile() || !TEMPORARY_NAME.test(entry.name)) continue;
    const path = join(incomingDir, entry.name);
    try {
      const { mtimeMs, size } = await stat(path);
      if (nowMs - mtimeMs > olderThanMs) yield { name: entry.name, path, size };
    } catch (cause) {
      if (errorCode(cause) !== "ENOENT") throw cause;
    }
  }
}

/** Removes a temporary file; one that is gone already is fine. */
export async function discardFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
  }
}

/**
 * Checks that uploads can be received in a directory that is there, and removes what killed servers left in it. The
 * check changed the directory just now, by the clock of the file system.
 */
export async function prepareIncoming(incomingDir: string): Promise<void> {
  await checkWritable(incomingDir);
  const { mtimeMs: nowMs } = await stat(incomingDir);
  for await (const { path } of abandonedFiles(incomingDir, nowMs, ABANDONED_AFTER_MS)) await discardFile(path);
}
