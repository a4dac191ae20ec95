import { existsSync, type Stats, statSync } from "node:fs";
import { link, readdir, readFile, rename, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { errorCode, Failure, failure } from "../errors.ts";
import { type Failpoints, noFailpoints } from "../runtime/failpoints.ts";
import { ifThere } from "../runtime/if-there.ts";
import { syncPath } from "../runtime/sync-path.ts";
import { BlobCache } from "./blob-cache.ts";
import { DurableDirectories, syncDirectory } from "./durable-directories.ts";
import { FileSidecars } from "./file-sidecars.ts";
import type { FileStamp } from "./file-stamp.ts";
import { hashFile, readFailure } from "./hash-file.ts";
import { checkWritable, discardFile, prepareIncoming, storageFailure, temporaryPath } from "./incoming.ts";
import {
  type BlobBody,
  type BlobStat,
  type BlobStore,
  type ByteRange,
  blobKey,
  type KnownBlob,
  type ListedBlob,
  type ReceivedFile,
  type SidecarDirectory,
  type SidecarName,
} from "./store.ts";
import { VerifiedFiles } from "./verified-files.ts";
import { verifiedPart } from "./verify.ts";

/** Up to this size a blob is sent from memory, which is faster than from a file. */
const CACHEABLE_MAX_BYTES = 1_048_576;
const CACHE_MAX_BYTES = 32 * 1_048_576;

/** Sets the time of a file. Returns whether the file exists. */
async function touch(path: string, time: Date): Promise<boolean> {
  const touched = await ifThere(() => utimes(path, time, time).then(() => true));
  return touched ?? false;
}

/**
 * Reads the status of a file in this thread, as nginx does. The kernel answers from its cache, and
 * a round trip to the thread pool takes longer than the answer.
 */
function stampOf(path: string): Stats | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found : undefined;
}

function statOf(path: string): BlobStat | undefined {
  const found = stampOf(path);
  return found && { size: found.size, storedAt: found.mtime };
}

/**
 * Reports whether a file has the bytes of its digest. A file at which the disk fails has not.
 * Returns undefined if there is no file.
 */
async function isBlob(path: string, digest: Sha256Digest): Promise<boolean | undefined> {
  try {
    const found = await hashFile(path, digest);
    return found && found.digest === digest;
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "blob_unreadable") return false;
    throw cause;
  }
}

/**
 * Opens a blob store in a directory. Blobs are at `sha256/ab/<digest>`, uploads in `incoming/`, and
 * damaged blobs that were set aside in `corrupt/`. Sidecars are below `sidecarRoot`, which a server
 * puts outside of `root`: a backup copies `root`. Throws if the directory cannot be created or
 * written: a registry must not start on a store that it cannot use.
 */
export async function openFileStore(
  root: string,
  failpoints: Failpoints = noFailpoints,
  prepare: (incomingDir: string) => Promise<void> = prepareIncoming,
  sidecarRoot = root,
): Promise<BlobStore> {
  const store = new FileStore(root, failpoints, sidecarRoot);
  await store.open(prepare);
  return store;
}

class FileStore implements BlobStore {
  readonly incomingDir: string;
  readonly #root: string;
  readonly #failpoints: Failpoints;
  readonly #directories: DurableDirectories;
  readonly #sidecars: FileSidecars;
  readonly #cache = new BlobCache(CACHE_MAX_BYTES);
  readonly #verified = new VerifiedFiles();

  constructor(root: string, failpoints: Failpoints, sidecarRoot: string) {
    this.#root = root;
    this.#sidecars = new FileSidecars(sidecarRoot, failpoints);
    this.#failpoints = failpoints;
    this.incomingDir = join(root, "incoming");
    this.#directories = new DurableDirectories(root, failpoints);
  }

  async open(prepare: (incomingDir: string) => Promise<void>): Promise<void> {
    await this.#directories.ensure(this.incomingDir);
    await prepare(this.incomingDir);
    const { temporaryDir } = this.#sidecars;
    if (existsSync(temporaryDir)) await prepare(temporaryDir);
  }

  #pathOf(digest: Sha256Digest): string {
    return join(this.#root, blobKey(digest));
  }

  /**
   * Syncs the bytes, then links the name, then syncs the directory of the name. Only this order is
   * durable: fsync(2), NOTES.
   */
  async put(received: ReceivedFile): Promise<void> {
    try {
      if (!this.#failpoints.hit("sync.file")) await syncPath(received.path, "r+");
      this.#failpoints.hit("blob.synced");
      await this.#linkBlob(received);
      this.#failpoints.hit("blob.linked");
      await syncDirectory(dirname(this.#pathOf(received.digest)), this.#failpoints);
    } catch (cause) {
      throw storageFailure(cause);
    }
  }

  /**
   * Links the file under its digest. A link never overwrites. If somebody removed the directory, it
   * tries once more.
   */
  async #linkBlob(received: ReceivedFile, mayRetry = true): Promise<void> {
    const target = this.#pathOf(received.digest);
    await this.#directories.ensure(dirname(target));
    try {
      await link(received.path, target);
    } catch (cause) {
      const code = errorCode(cause);
      if (code === "EEXIST") return this.#replace(received, target);
      if (code !== "ENOENT" || !mayRetry) throw cause;
      this.#directories.forget(dirname(target));
      await this.#linkBlob(received, false);
    }
  }

  /**
   * Renews the time of a blob that exists already, or replaces it with the received bytes if it is
   * damaged.
   */
  async #replace({ path, digest }: ReceivedFile, target: string): Promise<void> {
    const isWhole = await isBlob(target, digest);
    if (isWhole && (await touch(target, (await stat(path)).mtime))) return;
    // The rename consumes a second name of the received bytes. The first name belongs to the
    // receiver.
    const second = temporaryPath(this.incomingDir, "upload");
    try {
      await link(path, second);
      await rename(second, target);
    } finally {
      await discardFile(second);
    }
  }

  async read(blob: KnownBlob, range?: ByteRange): Promise<BlobBody | undefined> {
    const { digest, size } = blob;
    const path = this.#pathOf(digest);
    try {
      const found = stampOf(path);
      if (found === undefined) return undefined;
      if (found.size !== size) throw failure({ code: "blob_corrupt", digest });
      const whole =
        size > CACHEABLE_MAX_BYTES
          ? await this.#verifiedFile(path, blob, found)
          : await this.#readCached(path, blob, found);
      return range === undefined ? whole : whole?.slice(range.first, range.last + 1);
    } catch (cause) {
      throw readFailure(cause, digest);
    }
  }

  /**
   * Returns a large file, which the kernel sends. Before the first time, and after each change, the
   * file is hashed. Throws `blob_corrupt` or `blob_unreadable`.
   */
  async #verifiedFile(path: string, blob: KnownBlob, stamp: FileStamp): Promise<Blob | undefined> {
    if (this.#verified.has(path, blob, stamp)) return Bun.file(path);
    return (await this.#verified.verify(path, blob, stamp)) ? Bun.file(path) : undefined;
  }

  /** Returns the blob from the cache, or reads, verifies and caches it. Throws `blob_corrupt`. */
  async #readCached(path: string, blob: KnownBlob, stamp: FileStamp): Promise<Blob | undefined> {
    const cached = this.#cache.get(blob.digest, stamp);
    if (cached !== undefined) return cached;
    const bytes = await ifThere(() => readFile(path));
    if (bytes === undefined) return undefined;
    const verified = new Blob([verifiedPart(bytes, blob, undefined)]);
    this.#cache.set(blob.digest, stamp, verified);
    return verified;
  }

  async withFile<T>(digest: Sha256Digest, use: (file: ReceivedFile) => Promise<T>): Promise<T | undefined> {
    const path = this.#pathOf(digest);
    if (statOf(path) === undefined) return undefined;
    const stored = await hashFile(path, digest);
    return stored && use({ digest: stored.digest, size: stored.size, path });
  }

  async stat(digest: Sha256Digest): Promise<BlobStat | undefined> {
    return statOf(this.#pathOf(digest));
  }

  remove(digest: Sha256Digest): Promise<void> {
    return discardFile(this.#pathOf(digest));
  }

  async setAside(digest: Sha256Digest): Promise<void> {
    const corruptDir = join(this.#root, "corrupt");
    const path = this.#pathOf(digest);
    if ((await isBlob(path, digest)) !== false) return;
    await this.#directories.ensure(corruptDir);
    const aside = join(corruptDir, `${digest}-${crypto.randomUUID()}`);
    await ifThere(() => rename(path, aside));
    for (const directory of [corruptDir, dirname(path)]) await syncDirectory(directory, this.#failpoints);
  }

  async removeSetAside(digest: Sha256Digest): Promise<void> {
    const corruptDir = join(this.#root, "corrupt");
    const copies = (await sortedNames(corruptDir)).filter((name) => name.startsWith(`${digest}-`));
    for (const name of copies) await discardFile(join(corruptDir, name));
  }

  async settleRemovals(digests: readonly Sha256Digest[]): Promise<void> {
    const shards = new Set(digests.map((digest) => dirname(this.#pathOf(digest))));
    for (const directory of [...shards, join(this.#root, "corrupt")]) {
      await ifThere(() => syncDirectory(directory, this.#failpoints));
    }
  }

  async *list(prefix = ""): AsyncGenerator<ListedBlob> {
    const top = join(this.#root, "sha256");
    for (const shard of await sortedNames(top)) {
      if (!shard.startsWith(prefix.slice(0, 2)) && !prefix.startsWith(shard)) continue;
      for (const file of await sortedNames(join(top, shard))) {
        if (!file.startsWith(prefix)) continue;
        const found = statOf(join(top, shard, file));
        const digest = file.startsWith(shard) ? parseDigest(file) : undefined;
        if (found !== undefined) yield { ...found, digest, name: `${shard}/${file}` };
      }
    }
  }

  link(): undefined {
    return undefined;
  }

  putSidecar = (name: SidecarName, content: string | Uint8Array) => this.#sidecars.putSidecar(name, content);
  putRecent = (name: SidecarName, content: string) => this.#sidecars.putRecent(name, content);
  readSidecar = (name: SidecarName) => this.#sidecars.readSidecar(name);
  readSidecarBytes = (name: SidecarName) => this.#sidecars.readSidecarBytes(name);
  sidecarsIn = (directory: SidecarDirectory) => this.#sidecars.sidecarsIn(directory);
  removeSidecar = (name: SidecarName) => this.#sidecars.removeSidecar(name);
  removeSidecars = (directory: SidecarDirectory) => this.#sidecars.removeSidecars(directory);

  check(): Promise<void> {
    return checkWritable(this.incomingDir);
  }

  async close(): Promise<void> {}
}

/** Lists the names in a directory. A path that is missing or no directory has none. */
async function sortedNames(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (cause) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(cause) ?? "")) return [];
    throw cause;
  }
}
