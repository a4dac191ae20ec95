import { link, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode, failure } from "../errors.ts";
import type { Sha256Digest } from "../registry/digest.ts";
import type { BlobStore, ReceivedFile, StoredBlob } from "./store.ts";

/** An empty file needs no block and fits on a full disk; so does a small one where file systems keep it in its inode. */
const PROBE_BYTES = 64 * 1024;
/** A client that sends nothing is let go after a minute, so a file nobody wrote to for this long has no server any more. */
const ABANDONED_AFTER_MS = 60 * 60 * 1_000;

/** Makes a full disk an expected failure and leaves every other cause as it is. */
export function storageFailure(cause: unknown): unknown {
  const full = ["ENOSPC", "EDQUOT", "EFBIG"].includes(errorCode(cause) ?? "");
  return full ? failure({ code: "storage_full" }) : cause;
}

/** A new name in a directory survives a power cut only after the directory itself was synced. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes `path` and syncs every directory from it to the parent of `root`, whoever made them. */
async function makeDurable(root: string, path: string): Promise<void> {
  await mkdir(path, { recursive: true });
  for (let directory = path; directory.length >= root.length; directory = dirname(directory)) {
    await syncDirectory(dirname(directory));
  }
}

/**
 * Makes directories durable, each once in the life of a process: a directory that is there may have been made a moment
 * ago by somebody whose sync is still to come, and a power cut would take it with everything in it.
 */
class DurableDirectories {
  readonly #made = new Map<string, Promise<void>>();

  constructor(readonly root: string) {}

  ensure(path: string): Promise<void> {
    const known = this.#made.get(path);
    if (known !== undefined) return known;
    const made = makeDurable(this.root, path);
    this.#made.set(path, made);
    made.catch(() => this.forget(path));
    return made;
  }

  /** Somebody removed the directory, or it could not be made: the next one tries again. */
  forget(path: string): void {
    this.#made.delete(path);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path);
    return found.isFile() ? found.size : undefined;
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw cause;
  }
}

/**
 * Removes what killed servers left in `incoming/`. Age decides, because another replica may share the directory and be
 * receiving right now; for the same reason a file may be gone before it is looked at or removed. Call it after a check:
 * that changed the directory just now by the clock of the file system, the one that dates the files.
 */
async function removeAbandoned(incomingDir: string): Promise<void> {
  const { mtimeMs: nowMs } = await stat(incomingDir);
  for (const entry of await readdir(incomingDir, { withFileTypes: true })) {
    if (!entry.isFile() || !/^(?:upload|check)-/.test(entry.name)) continue;
    const path = join(incomingDir, entry.name);
    try {
      if (nowMs - (await stat(path)).mtimeMs > ABANDONED_AFTER_MS) await unlink(path);
    } catch (cause) {
      if (errorCode(cause) !== "ENOENT") throw cause;
    }
  }
}

/**
 * A blob store in a directory: `sha256/ab/<digest>`, uploads in `incoming/`. Received files were synced by the
 * receiver; `put` links them under their digest, which never overwrites, and syncs the directory.
 * Throws when the directory cannot be made or written: a registry must not start on a store it cannot use.
 */
export async function openFileStore(root: string): Promise<BlobStore> {
  const incomingDir = join(root, "incoming");
  const directories = new DurableDirectories(root);
  await directories.ensure(incomingDir);
  const pathOf = (digest: Sha256Digest) => join(root, "sha256", digest.slice(0, 2), digest);

  const put = async ({ path, digest, size }: ReceivedFile): Promise<void> => {
    const target = pathOf(digest);
    try {
      await directories.ensure(dirname(target));
      try {
        await link(path, target);
      } catch (cause) {
        if (errorCode(cause) !== "EEXIST") throw cause;
        // A shorter file can only be the rest of a crash of the file system: the verified bytes take its place.
        if ((await sizeOf(target)) !== size) await rename(path, target);
      }
      await syncDirectory(dirname(target));
    } catch (cause) {
      if (errorCode(cause) === "ENOENT") directories.forget(dirname(target));
      throw storageFailure(cause);
    }
  };

  const find = async (digest: Sha256Digest): Promise<StoredBlob | undefined> => {
    const path = pathOf(digest);
    const size = await sizeOf(path);
    return size === undefined ? undefined : { size, file: Bun.file(path) };
  };

  const check = async (): Promise<void> => {
    const probe = join(incomingDir, `check-${crypto.randomUUID()}`);
    const handle = await open(probe, "wx");
    try {
      await handle.writeFile(new Uint8Array(PROBE_BYTES));
      await handle.sync();
    } finally {
      await handle.close();
      await unlink(probe);
    }
  };

  await check();
  await removeAbandoned(incomingDir);
  return { incomingDir, put, find, check };
}
