import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Failpoints } from "../runtime/failpoints.ts";
import { syncPath } from "../runtime/sync-path.ts";

/**
 * Syncs a directory. A new name in a directory survives a power cut only after the directory itself
 * was synced.
 */
export async function syncDirectory(path: string, failpoints: Failpoints): Promise<void> {
  if (!failpoints.hit("sync.directory")) await syncPath(path, "r");
}

/**
 * Creates directories and makes them durable, each once per process. An existing directory is
 * synced too: another process may have created it just now and not synced it yet, and a power cut
 * would remove it with everything in it.
 */
export class DurableDirectories {
  readonly #made = new Map<string, Promise<void>>();

  constructor(
    readonly root: string,
    readonly failpoints: Failpoints,
  ) {}

  /** Creates `path` if it is missing and returns when it is durable. */
  ensure(path: string): Promise<void> {
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const made = this.#make(path);
    this.#made.set(path, made);
    made.catch(() => this.forget(path));
    return made;
  }

  /**
   * Makes the next `ensure` of `path`, and of every directory below it, start again. Call it when
   * the directory was removed.
   */
  forget(path: string): void {
    for (const made of this.#made.keys()) if (`${made}/`.startsWith(`${path}/`)) this.#made.delete(made);
  }

  /**
   * Creates `path` and syncs every directory from `path` up to the parent of the root, even those
   * that another process created. Above the root, it syncs only directories that it created. All of
   * them are prefixes of `path`, so their lengths order them.
   */
  async #make(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true });
    const topLength = Math.min(this.root.length, first?.length ?? this.root.length);
    for (let directory = path; directory.length >= topLength; directory = dirname(directory)) {
      await syncDirectory(dirname(directory), this.failpoints);
    }
  }
}
