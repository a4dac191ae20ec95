import { open, stat } from "node:fs/promises";
import { abandonedFiles, discardFile, temporaryPath } from "../blobs/incoming.ts";
import type { ListedBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { forgetRemovals, releaseReferenced, unfinishedRemovals, unreferencedOf } from "../packages/blob-removals.ts";
import { batchesOf } from "./concurrency.ts";
import { type Amount, add, BoundedList, nothing, type Report } from "./progress.ts";
import { type RemovalResult, removeUnreferenced } from "./remove-blobs.ts";
import { refusalOf, retryUntilAvailable } from "./retry.ts";

/** So many digests in one transaction, which publishes on Postgres wait for. */
const BATCH = 100;
const LISTED_MAX = 1_000;
/** So many refusals are no single file any more: the storage itself does not remove. */
const FAILURES_MAX = 100;
const FORGET_AFTER_MS = 7 * 24 * 3_600_000;

type GcDeps = Pick<Deps, "db" | "blobs" | "clock">;

/** What to remove. */
export interface GcOptions {
  readonly graceMs: number;
  /** Looks, and changes nothing. */
  readonly dryRun: boolean;
  readonly report: Report;
  /** Asked between batches: whoever stops it leaves nothing half done. */
  readonly isStopped?: () => boolean;
}

/** Something that could not be removed, and why. */
export interface NotRemoved {
  readonly name: string;
  readonly reason: string;
}

/** What was removed, or, in a dry run, would have been. */
export interface GcResult {
  readonly removed: Amount;
  /** Of a publish that was cut off, or of a transfer. */
  readonly temporary: Amount;
  /** Unreferenced, but younger than the grace: perhaps a publish in flight. */
  readonly young: Amount;
  /** Marks of a killed gc that were dealt with. */
  finished: number;
  /** It is not known whether they are gone: they stay marked, and a later gc finishes them. */
  unknown: number;
  readonly failures: BoundedList<NotRemoved>;
  /** Names among the blobs that are no digests: never removed. */
  readonly foreign: BoundedList<string>;
  isStopped: boolean;
}

/**
 * Removes temporary files that nobody writes to any more and blobs that no version refers to, both only when they are
 * older than the grace (files of processes that may be alive: than an hour at least), and finishes what a killed gc left. Safe beside publishes and beside another gc: see
 * `packages/blob-removals.ts`. What cannot be removed is in the result; throws `database_unavailable` and what listing
 * throws.
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
  // First, because on a full disk it makes the room that the database needs for the rest.
  await removeTemporaryFiles(deps, options, result);
  await finishRemovals(deps, options, result);
  await removeOldBlobs(deps, options, result);
  if (!options.dryRun) {
    const before = new Date(deps.clock().getTime() - FORGET_AFTER_MS);
    await retryUntilAvailable(() => deps.db.write((session) => forgetRemovals(session, before)));
  }
  return result;
}

/** The time by the clock that dates the files of a directory; by ours where it takes no file. */
async function timeOf(directory: string, clock: Deps["clock"]): Promise<number> {
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
  const nowMs = await timeOf(blobs.incomingDir, clock);
  for await (const { name, path, size } of abandonedFiles(blobs.incomingDir, nowMs, graceMs)) {
    try {
      if (!dryRun) await discardFile(path);
      add(result.temporary, size);
    } catch (cause) {
      result.failures.add({ name: `incoming/${name}`, reason: refusalOf(cause) });
    }
  }
}

function takeOver(result: GcResult, { removed, refused, unknown }: RemovalResult): void {
  for (const { size } of removed) add(result.removed, size);
  for (const { digest, reason } of [...refused, ...unknown]) result.failures.add({ name: digest, reason });
  result.unknown += unknown.length;
}

/** A digest that was marked long ago: its blob is gone, or a publish refers to it, or it is still to be removed. */
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

/** The listed blobs, without the names that are no digests. */
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
