import { dirname } from "node:path";
import { discardFile } from "../blobs/incoming.ts";
import { receiveFile } from "../blobs/receive.ts";
import type { BlobStore, KnownBlob, ReceivedFile } from "../blobs/store.ts";
import { Failure, failure } from "../errors.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "./progress.ts";
import { refusalCode } from "./retry.ts";

const CONCURRENCY = 8;
const LISTED_MAX = 1_000;
/** So many failures mean that a storage is unavailable, so it is useless to go on. */
const FAILURES_MAX = 100;

/** A blob that was not copied, and why. */
export interface NotCopied {
  readonly sha256: string;
  readonly reason: string;
}

/** The result of `copyStore`. */
export interface CopyResult {
  readonly copied: Amount;
  /** Blobs that the destination already has with the same size. */
  readonly skipped: Amount;
  /** Blobs whose bytes have another digest than their name. They are not copied. */
  readonly damaged: BoundedList<NotCopied>;
  readonly failures: BoundedList<NotCopied>;
  /** Blobs that a gc removed before they were copied. */
  vanished: number;
  /** Names of files that are not digests. They are not copied. */
  readonly foreign: BoundedList<string>;
  /**
   * True if copying ended early, because the destination is full or nearly nothing could be copied.
   */
  isStopped: boolean;
}

/**
 * Copies every blob that the destination lacks, hashes each on the way, and removes nothing. It can
 * be stopped and run again, also while servers use the stores. What cannot be copied is in the
 * result. Throws what listing throws.
 */
export async function copyStore(from: BlobStore, to: BlobStore, report: Report): Promise<CopyResult> {
  const result: CopyResult = {
    copied: nothing(),
    skipped: nothing(),
    damaged: new BoundedList(LISTED_MAX),
    failures: new BoundedList(LISTED_MAX),
    vanished: 0,
    foreign: new BoundedList(LISTED_MAX),
    isStopped: false,
  };
  // Listing is cheap compared with copying, and the total lets the progress bar show the time left.
  let total = 0;
  for await (const { digest } of from.list()) if (digest !== undefined) total += 1;
  const reportProgress = () => {
    const { copied, skipped, damaged, failures, vanished } = result;
    const done = copied.count + skipped.count + damaged.count + failures.count + vanished;
    report({ done, total: Math.max(total, done), bytes: copied.bytes });
  };
  await forEachConcurrently(missingBlobs(from, to, result, reportProgress), CONCURRENCY, async (blob) => {
    if (!result.isStopped) await copyBlob(from, to, blob, result);
    reportProgress();
  });
  return result;
}

/**
 * Iterates over the blobs that the destination does not list. Both lists are sorted by digest, so
 * one pass compares them.
 */
async function* missingBlobs(from: BlobStore, to: BlobStore, result: CopyResult, reportProgress: () => void) {
  const there = to.list();
  const iterator = there[Symbol.asyncIterator]();
  try {
    let next = await iterator.next();
    for await (const { digest, size, name } of from.list()) {
      if (result.isStopped) return;
      if (digest === undefined) {
        result.foreign.add(name);
        continue;
      }
      while (!next.done && (next.value.digest === undefined || next.value.digest < digest))
        next = await iterator.next();
      if (!next.done && next.value.digest === digest && next.value.size === size) {
        add(result.skipped, size);
        reportProgress();
      } else yield { digest, size };
    }
  } finally {
    await iterator.return?.();
  }
}

async function copyBlob(from: BlobStore, to: BlobStore, { digest }: KnownBlob, result: CopyResult): Promise<void> {
  try {
    const found = await from.withFile(digest, async (file) => {
      if (file.digest !== digest) {
        const reason = `its ${file.size} bytes have sha256 ${file.digest}`;
        result.damaged.add({ sha256: digest, reason });
        return true;
      }
      await putCopy(to, file);
      add(result.copied, file.size);
      return true;
    });
    if (found === undefined) result.vanished += 1;
  } catch (cause) {
    result.failures.add({ sha256: digest, reason: refusalCode(cause) });
    const isFull = cause instanceof Failure && cause.error.code === "storage_full";
    if (isFull || result.failures.count >= FAILURES_MAX) result.isStopped = true;
  }
}

/**
 * Puts a copy of a file into a store. A store accepts only files in its own incoming directory. A
 * file of another store may be a hard link to that store's blob, so its bytes are copied.
 */
export async function putCopy(to: BlobStore, file: ReceivedFile): Promise<void> {
  if (dirname(file.path) === to.incomingDir) return to.put(file);
  const received = await receiveFile(Bun.file(file.path).stream(), to.incomingDir, file.size);
  try {
    if (received.digest !== file.digest) throw failure({ code: "storage_failed" });
    await to.put(received);
  } finally {
    await discardFile(received.path);
  }
}
