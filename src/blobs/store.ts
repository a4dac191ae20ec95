import type { Sha256Digest } from "../domain/digest.ts";

/** The digest of a blob, which is its name, and its size. */
export interface KnownBlob {
  readonly digest: Sha256Digest;
  readonly size: number;
}

/** A temporary file with received bytes, not yet linked under its digest and not yet synced. */
export interface ReceivedFile extends KnownBlob {
  readonly path: string;
  /** The content of a small file, so that readers need not read it from disk. */
  readonly bytes?: Uint8Array | undefined;
}

/** A range of bytes. Both ends are inclusive, as in HTTP. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a store knows about a blob without reading it. */
export interface BlobStat {
  readonly size: number;
  /** The time of the last `put` of these bytes, by the clock of the store. */
  readonly storedAt: Date;
}

/**
 * A blob in a list. `digest` is undefined if the name is not a digest: such an object does not
 * belong to the store.
 */
export interface ListedBlob extends BlobStat {
  readonly digest: Sha256Digest | undefined;
  readonly name: string;
}

/** The requested bytes. A Blob of a file is lazy: pass it to a Response and the kernel sends it. */
export type BlobBody = Blob | Uint8Array<ArrayBuffer>;

/** Headers that the storage sends when a client follows the address that `link` returned. */
export interface LinkOptions {
  readonly fileName: string;
  readonly mediaType: string;
}

/**
 * Small files beside the blobs. They hold the copy of the log's checkpoint (log/rollback-guard.ts),
 * the log's tiles (log/static-tiles.ts), what `log recover` needs, and the time of the last backup
 * (last-backup.ts). They are not part of what `list` yields, and a copy of the blobs does not
 * contain them: an old checkpoint must not be restored together with an old database.
 *
 * - `putSidecar` replaces the file under a name and returns when it is durable.
 * - `putRecent` makes a file under a new name. It survives the end of this process. In a store of
 *   files it is not synced, so a power cut may lose it or a part of it.
 * - `readSidecar` returns the file as text, `readSidecarBytes` its bytes: undefined if there is
 *   none.
 * - `sidecarsIn` lists the names of the files directly in a directory, without order.
 * - `removeSidecar` removes a file, `removeSidecars` all files below a directory. Both are
 *   idempotent.
 */
export interface Sidecars {
  putSidecar(name: SidecarName, content: string | Uint8Array<ArrayBuffer>): Promise<void>;
  putRecent(name: SidecarName, content: string): Promise<void>;
  readSidecar(name: SidecarName): Promise<string | undefined>;
  readSidecarBytes(name: SidecarName): Promise<Uint8Array | undefined>;
  sidecarsIn(directory: SidecarDirectory): Promise<string[]>;
  removeSidecar(name: SidecarName): Promise<void>;
  removeSidecars(directory: SidecarDirectory): Promise<void>;
}

/**
 * Stores archives, each under the SHA-256 of its bytes. Every implementation keeps these promises,
 * and `test/contract/blob-store.ts` tests all of them:
 *
 * - `put` returns when the bytes are durable: a power cut after it loses nothing. It is idempotent
 *   and renews `storedAt`. Afterwards the digest has exactly its bytes: a damaged blob is replaced.
 *   The received file still belongs to the caller, who removes it.
 * - `read` returns the whole blob or a range, which must lie inside of the blob. It returns
 *   undefined for an unknown digest. It throws `blob_corrupt` for a blob of another size and, where
 *   the whole is asked for, for a damaged one. A range is verified with the whole up to
 *   `VERIFIED_MAX_BYTES`; above that, S3 sends ranges unverified.
 *   A body from S3 holds a local file, and the room for such files is bounded: it throws `busy`.
 *   `sent` resolves when the caller needs the body no more. Without it, that is after some seconds.
 * - `withFile` passes a local file with the stored bytes, and their real digest and size. Callers
 *   compare or copy them. It returns undefined for an unknown digest.
 *   Throws `blob_unreadable` if the disk fails at the file.
 * - `stat` returns undefined for an unknown digest.
 * - `remove` is idempotent. Only `gc` and takedowns may call it: see `packages/blob-removals.ts`.
 * - `setAside` moves a damaged or unreadable blob to another name, so that its bytes are not lost.
 *   Afterwards the digest is unknown. A blob that is not damaged stays. A concurrent `put` must
 *   detect that the blob was moved: see `packages/blob-removals.ts`.
 * - `removeSetAside` removes every copy of a blob that `setAside` moved away. It is idempotent.
 * - `settleRemovals` returns once blobs that were removed, with the copies that were set aside, stay
 *   removed after a power cut. Until then, a disk may bring them back.
 * - `list` yields each blob whose digest begins with `prefix` once, in order of their digests.
 *   Blobs that are put or removed during the listing may or may not be in it.
 * - `link` returns an address at which the storage itself serves the blob for some minutes, or
 *   undefined if the store has no such address.
 * - `check` throws if the store does not accept writes.
 * - `close` removes temporary files.
 * - Failures are `storage_full`, `storage_busy`, `storage_failed` and `storage_timeout`. Every call
 *   has a deadline.
 * - `incomingDir` is the local directory for uploads. `put` takes files from it.
 */
export interface BlobStore extends Sidecars {
  readonly incomingDir: string;
  put(received: ReceivedFile): Promise<void>;
  read(blob: KnownBlob, range?: ByteRange, sent?: () => Promise<void>): Promise<BlobBody | undefined>;
  withFile<T>(digest: Sha256Digest, use: (file: ReceivedFile) => Promise<T>): Promise<T | undefined>;
  stat(digest: Sha256Digest): Promise<BlobStat | undefined>;
  remove(digest: Sha256Digest): Promise<void>;
  setAside(digest: Sha256Digest): Promise<void>;
  removeSetAside(digest: Sha256Digest): Promise<void>;
  settleRemovals(digests: readonly Sha256Digest[]): Promise<void>;
  list(prefix?: string): AsyncIterable<ListedBlob>;
  link(digest: Sha256Digest, options: LinkOptions): string | undefined;
  check(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Names of small files that the store holds besides the blobs. A file server can serve those below
 * `log/`. What is below `recovery/` is not for everybody.
 */
export type SidecarName =
  | "log/checkpoint"
  | "log/checkpoint-before-rollback"
  | "log/accepted-size"
  | "log/last-backup"
  | `log/tile/${string}`
  | `recovery/${string}`;

/** All tiles, the partial forms of one tile, or the same of what `log recover` needs. */
export type SidecarDirectory = "log/tile" | `log/tile/${string}.p` | "recovery" | `recovery/${string}`;

/**
 * The size up to which every store must hash a blob before it returns a range of it. Reading more
 * than the range from S3 would delay its reader.
 */
export const VERIFIED_MAX_BYTES = 64 * 1024;

/** Returns the key of a blob below the root of its store, `sha256/ab/<digest>`. */
export function blobKey(digest: Sha256Digest): string {
  return `sha256/${digest.slice(0, 2)}/${digest}`;
}
