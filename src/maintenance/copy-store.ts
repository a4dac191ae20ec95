import { dirname } from "node:path";
import { discardFile } from "../blobs/incoming.ts";
import { receiveFile } from "../blobs/receive.ts";
import type { BlobStore, KnownBlob, ReceivedFile } from "../blobs/store.ts";
import { Failure, failure } from "../errors.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "./progress.ts";
import { refusalOf } from "./retry.ts";

const CONCURRENCY = 8;
const LISTED_MAX = 1_000;
/** So many failures are no single blob any more: a storage is away. */
const FAILURES_MAX = 100;

/** A blob that was not copied, and why. */
export interface NotCopied {
  readonly sha256: string;
  readonly reason: string;
}

/** What became of the blobs of the source. */
export interface CopyResult {
  readonly copied: Amount;
  /** At the destination with the same size already. */
  readonly skipped: Amount;
  /** Their bytes have another digest than their name says: not copied. */
  readonly damaged: BoundedList<NotCopied>;
  readonly failures: BoundedList<NotCopied>;
  /** Removed by a gc while it was their turn. */
  vanished: number;
  /** Names that are no digests: not copied. */
  readonly foreign: BoundedList<string>;
  /** Given up, because nearly nothing could be copied any more. */
  isStopped: boolean;
}

/**
 * Copies every blob that the destination lacks, hashing each on its way, and removes nothing. Can be stopped and run
 * again, also while servers use the stores. What cannot be copied is in the result; throws what listing throws.
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
  // Listing costs little beside copying, and people want to know how long it will take.
  let total = 0;
  for await (const { digest } of from.list()) if (digest !== undefined) total += 1;
  const tell = () => {
    const { copied, skipped, damaged, failures, vanished } = result;
    const done = copied.count + skipped.count + damaged.count + failures.count + vanished;
    report({ done, total: Math.max(total, done), bytes: copied.bytes });
  };
  await forEachConcurrently(missingBlobs(from, to, result, tell), CONCURRENCY, async (blob) => {
    if (!result.isStopped) await copyBlob(from, to, blob, result);
    tell();
  });
  return result;
}

/** Blobs that the destination does not list: both lists are in the order of the digests, so one pass tells. */
async function* missingBlobs(from: BlobStore, to: BlobStore, result: CopyResult, tell: () => void) {
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
        tell();
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
      await putFile(to, file);
      add(result.copied, file.size);
      return true;
    });
    if (found === undefined) result.vanished += 1;
  } catch (cause) {
    result.failures.add({ sha256: digest, reason: refusalOf(cause) });
    const isFull = cause instanceof Failure && cause.error.code === "storage_full";
    if (isFull || result.failures.count >= FAILURES_MAX) result.isStopped = true;
  }
}

/** A store takes files from its own directory only: one of another store is a name of that store's blob. */
async function putFile(to: BlobStore, file: ReceivedFile): Promise<void> {
  if (dirname(file.path) === to.incomingDir) return to.put(file);
  const received = await receiveFile(Bun.file(file.path).stream(), to.incomingDir, file.size);
  try {
    if (received.digest !== file.digest) throw failure({ code: "storage_failed" });
    await to.put(received);
  } finally {
    await discardFile(received.path);
  }
}
