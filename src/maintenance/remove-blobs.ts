import type { KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { Failure } from "../errors.ts";
import { beginRemovals, endRemovals, REMOVAL_MAX_MS } from "../packages/blob-removals.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { refusalOf, retryUntilAvailable } from "./retry.ts";

const CONCURRENCY = 8;

interface Refused {
  readonly digest: Sha256Digest;
  readonly reason: string;
}

/** What became of blobs that were to be removed; the others are referred to by now, or another gc has them. */
export interface RemovalResult {
  readonly removed: readonly KnownBlob[];
  /** They are there as before. */
  readonly refused: readonly Refused[];
  /** Gone or not, or still going: their marks stay. */
  readonly unknown: readonly Refused[];
}

/**
 * Removes those of `blobs` that no version refers to, by the protocol of `packages/blob-removals.ts`: marks them,
 * removes them, counts the removals. Throws `database_unavailable`; then marks may be left, which a later gc finishes.
 */
export async function removeUnreferenced(
  { db, blobs: store, clock }: Pick<Deps, "db" | "blobs" | "clock">,
  blobs: readonly KnownBlob[],
): Promise<RemovalResult> {
  const digests = blobs.map(({ digest }) => digest);
  // Each try marks at a time of its own: one that was committed without an answer looks like another gc's.
  const begun = await retryUntilAvailable(async () => {
    const at = { date: clock(), monotonicMs: performance.now() };
    return { at, marked: await db.write((session) => beginRemovals(session, db.kind, digests, at.date)) };
  });
  const { at } = begun;
  const isLate = () =>
    performance.now() - at.monotonicMs > REMOVAL_MAX_MS ||
    Math.abs(clock().getTime() - at.date.getTime()) > REMOVAL_MAX_MS;
  const removed: KnownBlob[] = [];
  const refused: Refused[] = [];
  const unknown: Refused[] = [];
  const marked = new Set(begun.marked);
  await forEachConcurrently(
    blobs.filter(({ digest }) => marked.has(digest)),
    CONCURRENCY,
    async (blob) => {
      const { digest } = blob;
      if (isLate()) {
        unknown.push({ digest, reason: "too_late" });
        return;
      }
      try {
        await store.remove(digest);
        removed.push(blob);
      } catch (cause) {
        // A request to a storage may still arrive there; what the file system refused has not happened.
        (cause instanceof Failure ? unknown : refused).push({ digest, reason: refusalOf(cause) });
      }
    },
  );
  const known = [...removed, ...refused].map(({ digest }) => digest);
  if (known.length > 0)
    await retryUntilAvailable(() => db.write((session) => endRemovals(session, known, at.date, clock())));
  return { removed, refused, unknown };
}
