import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { open, readdir, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode, failure } from "../errors.ts";

/** An empty file needs no block and fits on a full disk; so does a small one where file systems keep it in its inode. */
const PROBE_BYTES = 64 * 1024;
/** A client that sends nothing is let go after a minute, so a file nobody wrote to for this long has no server any more. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;
/** `upload-<place>.<pid>-<uuid>`; earlier versions wrote no place and no process. */
const TEMPORARY_NAME = /^(?:upload|download|check|note)-(?:([0-9a-f]{8})\.(\d{1,10})-)?/;

type Purpose = "upload" | "download" | "check" | "note";

/** Where process ids mean something: this machine, or this container on it. */
const PLACE = createHash("sha256")
  .update(
    [
      hostname(),
      tellOf(() => readFileSync("/etc/machine-id", "utf8")),
      tellOf(() => readlinkSync("/proc/self/ns/pid")),
    ].join(),
  )
  .digest("hex")
  .slice(0, 8);

/** What the system tells of itself; nothing where it does not. */
function tellOf(ask: () => string): string {
  try {
    return ask();
  } catch {
    return "";
  }
}

/** A new name in `directory`, which tells whose it is: what a process that is gone left behind, nobody waits for. */
export function temporaryPath(directory: string, purpose: Purpose): string {
  return join(directory, `${purpose}-${PLACE}.${process.pid}-${crypto.randomUUID()}`);
}

/** Whether the process that made a temporary file is known to be gone. One that is frozen is not. */
function isOrphan([, place, pid]: RegExpExecArray): boolean {
  if (place !== PLACE) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (cause) {
    return errorCode(cause) === "ESRCH";
  }
}

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
  const probe = temporaryPath(directory, "check");
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
 * Temporary files that are older than `graceMs`, if the process that wrote them is known to be gone; other ones when
 * nobody wrote to them for an hour at least, because another machine may share the directory and be receiving right
 * now. `nowMs` must come from the clock that dates the files. A file may be gone before it is looked at.
 */
export async function* abandonedFiles(
  incomingDir: string,
  nowMs: number,
  graceMs: number,
): AsyncGenerator<AbandonedFile> {
  for (const entry of await readdir(incomingDir, { withFileTypes: true })) {
    const named = TEMPORARY_NAME.exec(entry.name);
    if (!entry.isFile() || named === null) continue;
    const path = join(incomingDir, entry.name);
    const keptMs = isOrphan(named) ? graceMs : Math.max(graceMs, ABANDONED_AFTER_MS);
    try {
      const { mtimeMs, size } = await stat(path);
      if (nowMs - mtimeMs >= keptMs) yield { name: entry.name, path, size };
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
  for await (const { path } of abandonedFiles(incomingDir, nowMs, 0)) await discardFile(path);
}
