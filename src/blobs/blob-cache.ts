import type { Sha256Digest } from "../domain/digest.ts";

/** The fields of a file's status that change on every write. */
export interface FileStamp {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

interface CacheEntry {
  readonly stamp: FileStamp;
  readonly blob: Blob;
}

function isSame(a: FileStamp, b: FileStamp): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino;
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
    if (!isSame(found.stamp, stamp)) return undefined;
    // Set again, which moves the entry to the end of the map: the most recently used.
    this.set(digest, found.stamp, found.blob);
    return found.blob;
  }

  /** Caches a verified blob, and evicts the least recently used entries above `maxBytes`. */
  set(digest: Sha256Digest, { size, mtimeMs, ctimeMs, ino }: FileStamp, blob: Blob): void {
    const before = this.#entries.get(digest);
    if (before !== undefined) this.#evict(digest, before);
    this.#entries.set(digest, { stamp: { size, mtimeMs, ctimeMs, ino }, blob });
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
