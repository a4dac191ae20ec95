import type { Sha256Digest } from "../domain/digest.ts";

/** A blob by its name and size. */
export interface KnownBlob {
  readonly digest: Sha256Digest;
  readonly size: number;
}

/** Bytes received into a temporary file, not yet under their digest and not yet synced. */
export interface ReceivedFile extends KnownBlob {
  readonly path: string;
  /** What is in the file, where it is small: who reads it need not ask the disk. */
  readonly bytes?: Uint8Array | undefined;
}

/** Both ends belong to the range, as in HTTP. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** What a store knows of a blob without reading it. */
export interface BlobStat {
  readonly size: number;
  /** When its bytes were last put, by the clock of the store. */
  readonly storedAt: Date;
}

/** A blob in a list. `digest` is undefined for a name that is none: something that does not belong there. */
export interface ListedBlob extends BlobStat {
  readonly digest: Sha256Digest | undefined;
  readonly name: string;
}

/** Bytes to be sent, exactly those asked for. A file is read lazily: hand it to a Response so that the kernel sends it. */
export type BlobBody = Blob | Uint8Array<ArrayBuffer>;

/** How an address of a blob in its own storage answers. */
export interface LinkOptions {
  readonly fileName: string;
  readonly mediaType: string;
}

/**
 * Where archives lie, each under the SHA-256 of its bytes. Every implementation keeps these promises, and
 * `test/contract/blob-store.ts` holds every one to them:
 *
 * - `put` returns when the bytes are durable: after it, a power cut loses nothing. It is idempotent, renews `storedAt`,
 *   and leaves exactly the digest's bytes: other bytes under one digest are impossible, damaged ones are replaced.
 *   The received file stays with its receiver, who removes it.
 * - `read` answers the whole blob or a range of it, which must lie inside; undefined for a digest that is not stored. A
 *   blob of another size, and a damaged one up to `VERIFIED_MAX_BYTES`, is never given: `blob_corrupt`. Larger ones are
 *   hashed where they pass through this process; of those that are sent from their files, `fsck` is who reads them.
 * - `withFile` lends a local file with the bytes as they are stored, and the digest and size they really have: for who
 *   compares or copies. Undefined for a digest that is not stored.
 * - `stat` answers undefined for a digest that is not stored.
 * - `remove` is idempotent. Nobody but `gc` may call it: see `packages/blob-removals.ts`.
 * - `setAside` moves a damaged blob out of the way without losing its bytes; nothing is under its digest afterwards. One
 *   that is right stays. Who puts it meanwhile must notice: `packages/blob-removals.ts` again.
 * - `list` gives each blob whose digest begins with `prefix` once, in the order of their digests; those put or removed
 *   meanwhile may be there or not.
 * - `link` gives an address at which the storage itself answers with the blob for some minutes; undefined where the
 *   store has none to give.
 * - `putSidecar` replaces the small text under a name and returns when it is durable. `readSidecar` returns the last
 *   text, or undefined if there is none. They hold the copy of the log's checkpoint (log/rollback-guard.ts).
 * - `check` throws when the store cannot take writes.
 * - `close` lets go of temporary files.
 * - Failures are `storage_full`, `storage_busy`, `storage_failed` and `storage_timeout`; every call ends.
 * - `incomingDir` is where uploads are received: a local directory that `put` can take files from.
 */
export interface BlobStore {
  readonly incomingDir: string;
  put(received: ReceivedFile): Promise<void>;
  read(blob: KnownBlob, range?: ByteRange): Promise<BlobBody | undefined>;
  withFile<T>(digest: Sha256Digest, use: (file: ReceivedFile) => Promise<T>): Promise<T | undefined>;
  stat(digest: Sha256Digest): Promise<BlobStat | undefined>;
  remove(digest: Sha256Digest): Promise<void>;
  setAside(digest: Sha256Digest): Promise<void>;
  list(prefix?: string): AsyncIterable<ListedBlob>;
  link(digest: Sha256Digest, options: LinkOptions): string | undefined;
  putSidecar(name: SidecarName, text: string): Promise<void>;
  readSidecar(name: SidecarName): Promise<string | undefined>;
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Small texts that the store keeps beside the blobs. */
export type SidecarName = "log/checkpoint" | "log/checkpoint-before-rollback";

/** Up to this size a blob is hashed whenever it is read, so most packages are; larger ones would cost the reader. */
export const VERIFIED_MAX_BYTES = 64 * 1024;

/** The key of a blob below the root of its store: `sha256/ab/<digest>`. */
export function blobKey(digest: Sha256Digest): string {
  return `sha256/${digest.slice(0, 2)}/${digest}`;
}
