import type { KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { Sha256Digest } from "../domain/digest.ts";
import { Failure } from "../errors.ts";
import { beginRemovals, endRemovals, REMOVAL_MAX_MS } from "../packages/blob-removals.ts";
import { forEachConcurrently } from "./concurrency.ts";
import { refusalCode, retryUntilAvailable } from "./retry.ts";

const CONCURRENCY = 8;

interface Refused {
  readonly digest: Sha256Digest;
  readonly reason: string;
}

/**
 * The result of a removal. Blobs in none of the lists are referred to by now, or belong to another
 * gc.
 */
export interface RemovalResult {
  readonly removed: readonly KnownBlob[];
  /** Blobs that the file system did not remove. They are unchanged. */
  readonly refused: readonly Refused[];
  /** Blobs that may be gone, or may still be removed by a request in flight. Their marks stay. */
  readonly unknown: readonly Refused[];
}

/**
 * Removes those of `blobs` that no version refers to, by the protocol of
 * `packages/blob-removals.ts`: mark, remove, count the removals. Throws `database_unavailable`;
 * then marks may be left, which a later gc finishes.
 */
export async function removeUnreferenced(
  { db, blobs: store, clock }: Pick<Deps, "db" | "blobs" | "clock">,
  blobs: readonly KnownBlob[],
): Promise<RemovalResult> {
  const digests = blobs.map(({ digest }) => digest);
  // Each attempt marks with a time of its own. If a commit got no answer, its mark looks like the
  // mark of another gc.
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
        // A failed request to a storage may still take effect there. A removal that the file system
        // refused did not happen.
        (cause instanceof Failure ? unknown : refused).push({ digest, reason: refusalCode(cause) });
      }
    },
  );
  const known = [...removed, ...refused].map(({ digest }) => digest);
  if (known.length > 0)
    await retryUntilAvailable(() => db.write((session) => endRemovals(session, known, at.date, clock())));
  return { removed, refused, unknown };
}
