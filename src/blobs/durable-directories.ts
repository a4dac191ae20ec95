import { closeSync, fsync, openSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Failpoints } from "../runtime/failpoints.ts";

const sync = promisify(fsync);

/**
 * Syncs a file or a directory. Only that waits for the disk: opening and closing what is there takes microseconds, and
 * handing each to another thread and back took longer.
 */
export async function syncPath(path: string, flags: "r" | "r+"): Promise<void> {
  const descriptor = openSync(path, flags);
  try {
    await sync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A new name in a directory survives a power cut only after the directory itself was synced. */
export async function syncDirectory(path: string, failpoints: Failpoints): Promise<void> {
  if (!failpoints.hit("sync.directory")) await syncPath(path, "r");
}

/**
 * Makes directories durable, each once in the life of a process: a directory that is there may have been made a moment
 * ago by somebody whose sync is still to come, and a power cut would take it with everything in it.
 */
export class DurableDirectories {
  readonly #made = new Map<string, Promise<void>>();

  constructor(
    readonly root: string,
    readonly failpoints: Failpoints,
  ) {}

  ensure(path: string): Promise<void> {
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const made = this.#make(path);
    this.#made.set(path, made);
    made.catch(() => this.forget(path));
    return made;
  }

  /** Somebody removed the directory, or it could not be made: the next one tries again. */
  forget(path: string): void {
    this.#made.delete(path);
  }

  /** Makes `path` and syncs every directory from it to the parent of the root, whoever made them, and above it if made. */
  async #make(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true });
    const topLength = Math.min(this.root.length, first?.length ?? this.root.length);
    for (let directory = path; directory.length >= topLength; directory = dirname(directory)) {
      await syncDirectory(dirname(directory), this.failpoints);
    }
  }
}
