import type { Sha256Digest } from "../domain/digest.ts";

/** What the file system says of a file: it changes when anybody writes to it. */
export interface FileStamp {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

interface HotBlob {
  readonly stamp: FileStamp;
  readonly blob: Blob;
}

function isSame(a: FileStamp, b: FileStamp): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino;
}

/** Verified blobs that were asked for lately, in at most `maxBytes` of memory, each for as long as its file is unchanged. */
export class HotBlobs {
  /** The one that was used last is the last. */
  readonly #kept = new Map<Sha256Digest, HotBlob>();
  #bytes = 0;

  constructor(readonly maxBytes: number) {}

  get(digest: Sha256Digest, stamp: FileStamp): Blob | undefined {
    const found = this.#kept.get(digest);
    if (found === undefined) return undefined;
    this.#forget(digest, found);
    if (!isSame(found.stamp, stamp)) return undefined;
    this.keep(digest, found.stamp, found.blob);
    return found.blob;
  }

  keep(digest: Sha256Digest, { size, mtimeMs, ctimeMs, ino }: FileStamp, blob: Blob): void {
    const before = this.#kept.get(digest);
    if (before !== undefined) this.#forget(digest, before);
    this.#kept.set(digest, { stamp: { size, mtimeMs, ctimeMs, ino }, blob });
    this.#bytes += blob.size;
    for (const [oldest, entry] of this.#kept) {
      if (this.#bytes <= this.maxBytes) return;
      this.#forget(oldest, entry);
    }
  }

  #forget(digest: Sha256Digest, { blob }: HotBlob): void {
    this.#kept.delete(digest);
    this.#bytes -= blob.size;
  }
}
