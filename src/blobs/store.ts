import type { Sha256Digest } from "../registry/digest.ts";

/** Bytes received into a temporary file, not yet under their digest. */
export interface ReceivedFile {
  readonly path: string;
  readonly digest: Sha256Digest;
  readonly size: number;
}

/** A stored blob. `file` reads lazily; hand it whole to a Response so that the kernel sends it. */
export interface StoredBlob {
  readonly size: number;
  readonly file: Blob;
}

/**
 * Where archives lie, each under the SHA-256 of its bytes.
 *
 * - `put` returns when the bytes are durable: after it, a power cut loses nothing. It is idempotent, and never
 *   replaces bytes that are there: other bytes under one digest are impossible.
 * - `find` answers undefined for a digest that is not stored.
 * - `incomingDir` is where uploads are received: a directory on the file system `put` can move from.
 * - `check` throws when the store cannot take writes; the reason is in the message.
 */
export interface BlobStore {
  readonly incomingDir: string;
  put(received: ReceivedFile): Promise<void>;
  find(digest: Sha256Digest): Promise<StoredBlob | undefined>;
  check(): Promise<void>;
}
