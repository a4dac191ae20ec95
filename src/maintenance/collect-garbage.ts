import { open, stat } from "node:fs/promises";
import { abandonedFiles, discardFile, temporaryPath } from "../blobs/incoming.ts";
import type { ListedBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { forgetRemovals, releaseReferenced, unfinishedRemovals, unreferencedOf } from "../packages/blob-removals.ts";
import { batchesOf } from "./concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "./progress.ts";
import { type RemovalResult, removeUnreferenced } from "./remove-blobs.ts";
import { refusalCode, retryUntilAvailable } from "./retry.ts";

/** The digests of one transaction. Publishes on Postgres wait for it. */
const BATCH = 100;
const LISTED_MAX = 1_000;
/** So many refusals mean that the storage removes nothing at all, so it is useless to go on. */
const FAILURES_MAX = 100;
const FORGET_AFTER_MS = 7 * 24 * 3_600_000;

type GcDeps = Pick<Deps, "db" | "blobs" | "clock">;

/** Options of `collectGarbage`. */
export interface GcOptions {
  readonly graceMs: number;
  /** If true, nothing is changed. */
  readonly dryRun: boolean;
  readonly report: Report;
  /** Asked between batches only, so that a stop leaves no marks behind. */
  readonly isStopped?: () => boolean;
}

/** A file or blob that could not be removed, and the reason. */
export interface NotRemoved {
  readonly name: string;
  readonly reason: string;
}

/** What was removed, or would have been removed in a dry run. */
export interface GcResult {
  readonly removed: Amount;
  /** Temporary files of interrupted publishes and transfers. */
  readonly temporary: Amount;
  /** Unreferenced blobs that are younger than the grace. They may belong to publishes in flight. */
  readonly young: Amount;
  /** Marks of a killed gc that were resolved. */
  finished: number;
  /** Blobs that may or may not be gone. They stay marked, and a later gc finishes them. */
  unknown: number;
  readonly failures: BoundedList<NotRemoved>;
  /** Names of files that are not digests. They are never removed. */
  readonly foreign: BoundedList<string>;
  isStopped: boolean;
}

/**
 * Removes temporary files that no process writes to any more, and blobs that no version refers to.
 * Both must be older than the grace; files of processes that may be alive must be older than an
 * hour too. Also finishes what a killed gc left.
 *
 * It is safe while publishes and another gc run: see `packages/blob-removals.ts`. What cannot be
 * removed is in the result. Throws `database_unavailable` and what listing throws.
 */
export async function collectGarbage(deps: GcDeps, options: GcOptions): Promise<GcResult> {
  const result: GcResult = {
    removed: nothing(),
    temporary: nothing(),
    young: nothing(),
    finished: 0,
    unknown: 0,
    failures: new BoundedList(LISTED_MAX),
    foreign: new BoundedList(LISTED_MAX),
    isStopped: false,
  };
  // Temporary files go first: on a full disk, that makes room which the database needs for the
  // rest.
  await removeTemporaryFiles(deps, options, result);
  await finishRemovals(deps, options, result);
  await removeOldBlobs(deps, options, result);
  if (!options.dryRun) {
    const before = new Date(deps.clock().getTime() - FORGET_AFTER_MS);
    await retryUntilAvailable(() => deps.db.write((session) => forgetRemovals(session, before)));
  }
  return result;
}

/**
 * Returns the current time of the clock that dates the files of a directory. If the directory
 * accepts no file, returns the time of this machine.
 */
async function storageTimeMs(directory: string, clock: Deps["clock"]): Promise<number> {
  const probe = temporaryPath(directory, "check");
  try {
    await (await open(probe, "wx")).close();
    return (await stat(probe)).mtimeMs;
  } catch {
    return clock().getTime();
  } finally {
    await discardFile(probe).catch(() => undefined);
  }
}

async function removeTemporaryFiles({ blobs, clock }: GcDeps, { graceMs, dryRun }: GcOptions, result: GcResult) {
  const nowMs = await storageTimeMs(blobs.incomingDir, clock);
  for await (const { name, path, size } of abandonedFiles(blobs.incomingDir, nowMs, graceMs)) {
    try {
      if (!dryRun) await discardFile(path);
      add(result.temporary, size);
    } catch (cause) {
      result.failures.add({ name: `incoming/${name}`, reason: refusalCode(cause) });
    }
  }
}

function takeOver(result: GcResult, { removed, refused, unknown }: RemovalResult): void {
  for (const { size } of removed) add(result.removed, size);
  for (const { digest, reason } of [...refused, ...unknown]) result.failures.add({ name: digest, reason });
  result.unknown += unknown.length;
}

/**
 * Finishes old marks. The blob of a marked digest is gone, or a publish refers to it by now, or it
 * must still be removed.
 */
async function finishRemovals({ db, blobs, clock }: GcDeps, { dryRun, isStopped }: GcOptions, result: GcResult) {
  let after = "";
  for (;;) {
    const last = after;
    const names = await retryUntilAvailable(() =>
      db.read((session) => unfinishedRemovals(session, clock(), last, BATCH)),
    );
    const digests = names.map(parseDigest).filter((digest) => digest !== undefined);
    after = names.at(-1) ?? "";
    if (after === "" || isStopped?.()) return;
    result.finished += digests.length;
    if (dryRun) continue;
    await retryUntilAvailable(() => db.write((session) => releaseReferenced(session, digests, clock())));
    const sizes = new Map<Sha256Digest, number>();
    for (const digest of digests) sizes.set(digest, (await blobs.stat(digest))?.size ?? 0);
    const done = await removeUnreferenced(
      { db, blobs, clock },
      digests.map((digest) => ({ digest, size: sizes.get(digest) ?? 0 })),
    );
    result.finished -= done.unknown.length;
    takeOver(result, { ...done, removed: done.removed.filter(({ size }) => size > 0) });
  }
}

interface UnreferencedBlob extends ListedBlob {
  readonly digest: Sha256Digest;
}

/** Lists the blobs. Names that are not digests go to the result. */
async function* listedBlobs({ blobs }: GcDeps, { report }: GcOptions, result: GcResult) {
  const listed = nothing();
  for await (const blob of blobs.list()) {
    add(listed, blob.size);
    report({ done: listed.count, bytes: listed.bytes });
    const { digest } = blob;
    if (digest === undefined) result.foreign.add(blob.name);
    else yield { ...blob, digest };
  }
}

async function unreferenced({ db }: GcDeps, batch: readonly UnreferencedBlob[]): Promise<UnreferencedBlob[]> {
  const digests = batch.map(({ digest }) => digest);
  const found = new Set(await retryUntilAvailable(() => db.read((session) => unreferencedOf(session, digests))));
  return batch.filter(({ digest }) => found.has(digest));
}

async function removeOldBlobs(deps: GcDeps, options: GcOptions, result: GcResult): Promise<void> {
  const { graceMs, dryRun, isStopped } = options;
  const oldestMs = deps.clock().getTime() - graceMs;
  for await (const batch of batchesOf(listedBlobs(deps, options, result), BATCH)) {
    const found = await unreferenced(deps, batch);
    const old = found.filter(({ storedAt }) => storedAt.getTime() < oldestMs);
    for (const blob of found) if (!old.includes(blob)) add(result.young, blob.size);
    if (isStopped?.() || result.failures.count >= FAILURES_MAX) {
      result.isStopped = true;
      return;
    }
    if (dryRun) for (const { size } of old) add(result.removed, size);
    else if (old.length > 0) takeOver(result, await removeUnreferenced(deps, old));
  }
}
