import type { Sha256Digest } from "../domain/digest.ts";
import { failure } from "../errors.ts";
import { Semaphore } from "../runtime/semaphore.ts";
import { type FileStamp, isSameFile, stampFrom } from "./file-stamp.ts";
import { hashFile } from "./hash-file.ts";
import type { KnownBlob } from "./store.ts";

/** All verifications hash in one thread, so more at a time only delay each other. */
const CONCURRENCY = 4;
const WAITING_MAX = 1_000;
const WAIT_MAX_MS = 30_000;
/**
 * A file counts as verified for this long. The kernel sends it without this process, so nobody else
 * notices that a disk fails at a file which was fine at first.
 */
const VERIFIED_FOR_MS = 600_000;
/** A file that is sent later than this after it was hashed is hashed again beside that. */
const REFRESH_AFTER_MS = 60_000;
const REMEMBERED_MAX = 50_000;

interface Verified {
  readonly stamp: FileStamp;
  readonly atMs: number;
}

/**
 * Hashes large files before the kernel sends them, and remembers the stamp of each that is right.
 * Requests that come during a verification share it.
 */
export class VerifiedFiles {
  /** From the oldest to the newest. */
  readonly #verified = new Map<Sha256Digest, Verified>();
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #semaphore = new Semaphore(CONCURRENCY, WAITING_MAX, WAIT_MAX_MS, "hashing");

  constructor(readonly refreshAfterMs = REFRESH_AFTER_MS) {}

  /**
   * Reports whether the file with this stamp was verified a short time ago. If that is a while ago,
   * it begins to verify the file once more. When that fails, the next call returns false.
   */
  has(path: string, blob: KnownBlob, stamp: FileStamp): boolean {
    const found = this.#verified.get(blob.digest);
    if (found === undefined || !isSameFile(found.stamp, stamp)) return false;
    const ageMs = performance.now() - found.atMs;
    if (ageMs >= this.refreshAfterMs) this.verify(path, blob, stamp).catch(() => undefined);
    return ageMs < VERIFIED_FOR_MS;
  }

  /**
   * Hashes the file at `path`. Returns false if it is gone. Throws `blob_corrupt` for other bytes
   * than the blob's, `blob_unreadable`, and `busy` if too many files wait.
   */
  verify(path: string, blob: KnownBlob, stamp: FileStamp): Promise<boolean> {
    // A damaged file may have been replaced while it is hashed. Its successor is verified by
    // itself.
    const key = [blob.digest, ...Object.values(stampFrom(stamp))].join(" ");
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const started = this.#semaphore.run(() => this.#hash(path, blob)).finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  async #hash(path: string, { digest, size }: KnownBlob): Promise<boolean> {
    const found = await hashFile(path, digest).finally(() => this.#verified.delete(digest));
    if (found === undefined) return false;
    if (found.digest !== digest || found.size !== size) throw failure({ code: "blob_corrupt", digest });
    const [oldest] = this.#verified.size >= REMEMBERED_MAX ? this.#verified.keys() : [];
    if (oldest !== undefined) this.#verified.delete(oldest);
    this.#verified.set(digest, { stamp: found.stamp, atMs: performance.now() });
    return true;
  }
}
