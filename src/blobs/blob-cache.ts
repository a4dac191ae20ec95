import type { Sha256Digest } from "../domain/digest.ts";
import { type FileStamp, isSameFile, stampFrom } from "./file-stamp.ts";

interface CacheEntry {
  readonly stamp: FileStamp;
  readonly blob: Blob;
}

/**
 * A least-recently-used cache of verified blobs. It holds at most `maxBytes`. An entry is valid for
 * as long as the stamp of its file is unchanged.
 */
export class BlobCache {
  /** From the least to the most recently used. */
  readonly #entries = new Map<Sha256Digest, CacheEntry>();
  #bytes = 0;

  constructor(readonly maxBytes: number) {}

  /**
   * Returns the cached blob, or undefined if there is none. Evicts an entry whose file has changed.
   */
  get(digest: Sha256Digest, stamp: FileStamp): Blob | undefined {
    const found = this.#entries.get(digest);
    if (found === undefined) return undefined;
    this.#evict(digest, found);
    if (!isSameFile(found.stamp, stamp)) return undefined;
    // Set again, which moves the entry to the end of the map: the most recently used.
    this.set(digest, found.stamp, found.blob);
    return found.blob;
  }

  /** Caches a verified blob, and evicts the least recently used entries above `maxBytes`. */
  set(digest: Sha256Digest, stamp: FileStamp, blob: Blob): void {
    const before = this.#entries.get(digest);
    if (before !== undefined) this.#evict(digest, before);
    this.#entries.set(digest, { stamp: stampFrom(stamp), blob });
    this.#bytes += blob.size;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.maxBytes) return;
      this.#evict(oldest, entry);
    }
  }

  #evict(digest: Sha256Digest, { blob }: CacheEntry): void {
    this.#entries.delete(digest);
    this.#bytes -= blob.size;
  }
}
