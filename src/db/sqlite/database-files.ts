import { statSync, unlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { errorCode } from "../../errors.ts";
import { faultCode } from "../../runtime/fault-codes.ts";

/** Large enough that the file system must allocate blocks. */
const PROBE_BYTES = 64 * 1024;
const PROBE_VALID_MS = 1_000;

interface OpenedFile {
  readonly path: string;
  /** Device and inode. Undefined until SQLite has created the file. */
  id: string | undefined;
}

function statOf(path: string) {
  return statSync(path, { throwIfNoEntry: false });
}

/**
 * The files of an open database. SQLite goes on with a file that was deleted or replaced, and what
 * it commits there is gone at the next start.
 */
export class DatabaseFiles {
  readonly #path: string;
  readonly #files: readonly OpenedFile[];
  #probe: { readonly atMs: number; readonly isFull: boolean } | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#files = ["", "-wal", "-shm"].map((suffix) => ({ path: path + suffix, id: undefined }));
    this.replaced();
  }

  /** Returns the name of a file that is not the opened one any more. Undefined if all are. */
  replaced(): string | undefined {
    for (const file of this.#files) {
      const found = statOf(file.path);
      const id = found && `${found.dev}:${found.ino}`;
      file.id ??= id;
      if (id !== file.id) return basename(file.path);
    }
    return undefined;
  }

  get walBytes(): number {
    return statOf(`${this.#path}-wal`)?.size ?? 0;
  }

  /**
   * Returns whether the disk has no room. SQLite reports a used-up quota and a file that cannot
   * grow as an I/O error, and does not say which.
   */
  isFull(): boolean {
    const nowMs = performance.now();
    if (this.#probe === undefined || nowMs - this.#probe.atMs > PROBE_VALID_MS)
      this.#probe = { atMs: nowMs, isFull: hasNoRoom(`${this.#path}-probe-${process.pid}`) };
    return this.#probe.isFull;
  }
}

function hasNoRoom(probe: string): boolean {
  try {
    writeFileSync(probe, new Uint8Array(PROBE_BYTES), { flag: "w" });
    return false;
  } catch (cause) {
    return faultCode(errorCode(cause))?.kind === "full";
  } finally {
    remove(probe);
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It could not be created.
  }
}
