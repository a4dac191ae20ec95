import type { KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { unreferencedOf } from "../packages/blob-removals.ts";
import { batchesOf } from "./concurrency.ts";
import { removeUnreferenced } from "./remove-blobs.ts";
import { retryUntilAvailable } from "./retry.ts";

/** The digests of one transaction. Publishes on Postgres wait for it. */
const BATCH = 100;

/** The result of `eraseArchives`. */
export interface ErasedArchives {
  /** Archives that were stored before, and are not any more. */
  readonly removed: readonly KnownBlob[];
  /** Archives that are still stored: the storage refused, or a `gc` works on them. */
  readonly remaining: readonly KnownBlob[];
}

async function* each(blobs: readonly KnownBlob[]): AsyncGenerator<KnownBlob> {
  yield* blobs;
}

/**
 * Removes archives of versions that were taken down, and the damaged copies of them that `fsck` set
 * aside. An archive that another version still needs stays and is in no list. Safe to repeat, and
 * safe while servers publish. What is removed stays so after a power cut. Throws what the storage
 * throws.
 */
export async function eraseArchives(
  deps: Pick<Deps, "db" | "blobs" | "clock">,
  archives: readonly KnownBlob[],
): Promise<ErasedArchives> {
  const removed: KnownBlob[] = [];
  const remaining: KnownBlob[] = [];
  for await (const batch of batchesOf(each(archives), BATCH)) {
    const stored: KnownBlob[] = [];
    for (const archive of batch) {
      await deps.blobs.removeSetAside(archive.digest);
      if ((await deps.blobs.stat(archive.digest)) !== undefined) stored.push(archive);
    }
    if (stored.length > 0) await removeUnreferenced(deps, stored);
    // Also those that a run removed that was killed.
    await deps.blobs.settleRemovals(batch.map(({ digest }) => digest));
    for (const archive of stored) {
      if ((await deps.blobs.stat(archive.digest)) === undefined) removed.push(archive);
      else if (await isUnreferenced(deps, archive)) remaining.push(archive);
    }
  }
  return { removed, remaining };
}

async function isUnreferenced({ db }: Pick<Deps, "db">, { digest }: KnownBlob): Promise<boolean> {
  return (await retryUntilAvailable(() => db.read((session) => unreferencedOf(session, [digest])))).length > 0;
}
