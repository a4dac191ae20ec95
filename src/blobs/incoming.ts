import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { open, readdir, stat, unlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { errorCode, Failure, failure } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";

/**
 * Large enough that the file system must allocate a block. A full disk still accepts an empty file,
 * and some file systems keep small files in the inode.
 */
const PROBE_BYTES = 64 * 1024;
/**
 * A server drops a client that sends nothing for a minute. So a file without a write for this long
 * is abandoned. An hour is a wide margin over that minute.
 */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;
/** Matches `upload-<place>.<pid>-<uuid>`. Earlier versions wrote no place and no process id. */
const TEMPORARY_NAME = /^(?:upload|download|check|note|database)-(?:([0-9a-f]{8})\.(\d{1,10})-)?/;

/** Other requests give their files back soon. */
const RETRY_AFTER_SECONDS = 1;

type Purpose = "upload" | "download" | "check" | "note" | "database";

/** Identifies the PID namespace: the machine or the container. */
const PLACE = createHash("sha256")
  .update(
    [
      hostname(),
      readOrEmpty(() => readFileSync("/etc/machine-id", "utf8")),
      readOrEmpty(() => readlinkSync("/proc/self/ns/pid")),
    ].join(),
  )
  .digest("hex")
  .slice(0, 8);

/** Returns what `read` returns, or an empty text if the system does not have it. */
function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

/**
 * Returns a new path in `directory`. Its name holds the place and process, so that files of dead
 * processes can be found.
 */
export function temporaryPath(directory: string, purpose: Purpose): string {
  return join(directory, `${purpose}-${PLACE}.${process.pid}-${crypto.randomUUID()}`);
}

/**
 * Returns whether the process that created a temporary file is known to be dead. A frozen process
 * is not dead.
 */
function isOrphan([, place, pid]: RegExpExecArray): boolean {
  if (place !== PLACE) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (cause) {
    return errorCode(cause) === "ESRCH";
  }
}

/** A temporary file that no process writes to any more. */
export interface AbandonedFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

/**
 * Converts what a file system refuses to the failure that it means. Returns every other cause
 * unchanged, such as the lost connection of the client that sends the file.
 */
export function storageFailure(cause: unknown): unknown {
  const code = errorCode(cause);
  const kind = faultCode(code)?.kind;
  if (cause instanceof Failure || kind === undefined || (kind === "lost" && code !== "ENOENT")) return cause;
  if (kind === "full") return failure({ code: "storage_full" }, cause);
  if (kind === "exhausted") return failure({ code: "busy", retryAfterSeconds: RETRY_AFTER_SECONDS }, cause);
  return failure({ code: "storage_failed" }, cause);
}

/** Throws if files cannot be written to `directory`. The error has the system's code. */
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
 * Lists temporary files that no process writes to any more. A file is abandoned after `graceMs` if
 * its process is known to be dead. Otherwise it is abandoned after at least an hour without a
 * write: another machine may share the directory and still be writing.
 *
 * `nowMs` must come from the clock that dates the files. A listed file may be removed before the
 * caller uses it.
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
    const minimumAgeMs = isOrphan(named) ? graceMs : Math.max(graceMs, ABANDONED_AFTER_MS);
    try {
      const { mtimeMs, size } = await stat(path);
      if (nowMs - mtimeMs >= minimumAgeMs) yield { name: entry.name, path, size };
    } catch (cause) {
      if (errorCode(cause) !== "ENOENT") throw cause;
    }
  }
}

/** Removes a temporary file. Does nothing if the file is gone already. */
export async function discardFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
  }
}

/**
 * Checks that an existing directory can receive uploads, and removes the files that killed servers
 * left in it. The check writes to the directory, so its modification time is now by the file
 * system's clock, which dates the files too. A full disk is no reason not to start: reads need no
 * room, and health reports it.
 */
export async function prepareIncoming(incomingDir: string): Promise<void> {
  await checkWritable(incomingDir).catch((cause) => {
    if (faultCode(errorCode(cause))?.kind !== "full") throw cause;
  });
  const { mtimeMs: nowMs } = await stat(incomingDir);
  for await (const { path } of abandonedFiles(incomingDir, nowMs, 0)) await discardFile(path);
}
