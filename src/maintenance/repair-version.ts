import { type Inspection, inspectArchive } from "../archive/inspect.ts";
import type { Deps } from "../deps.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { COMPRESSED_HARD_MAX_BYTES, DEFAULT_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { Failure } from "../errors.ts";
import { endRemovals, markRemovals } from "../packages/blob-removals.ts";
import { contentsRow } from "../packages/records.ts";
import type { CheckedVersion, Finding } from "./check-version.ts";
import { refusalOf, retryUntilAvailable } from "./retry.ts";

/** An operator may have lowered the limits since the archive was published. */
const WIDEST_LIMITS = { ...DEFAULT_ARCHIVE_LIMITS, compressedMaxBytes: COMPRESSED_HARD_MAX_BYTES };

type RepairDeps = Pick<Deps, "db" | "blobs" | "clock">;

/**
 * `set_aside`: the damaged archive was moved to `corrupt/`. `rebuilt`: the missing row is there again. `healed`:
 * somebody else mended it meanwhile. `failed`: what a repair needs is not there either.
 */
export type Repair = "set_aside" | "rebuilt" | "healed" | "failed";

/** Mends what can be mended without the publisher; undefined where nothing can be done here. */
export async function repairVersion(
  deps: RepairDeps,
  checked: CheckedVersion,
  { problem }: Finding,
): Promise<Repair | undefined> {
  const digest = parseDigest(checked.sha256);
  if (digest === undefined) return undefined;
  try {
    if (problem === "blob_corrupt") return await setAside(deps, digest);
    if (problem === "contents_missing") return await rebuildContents(deps, checked, digest);
    return undefined;
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "database_unavailable") throw cause;
    // Throws on what neither the storage nor an archive can be blamed for.
    refusalOf(cause);
    return "failed";
  }
}

/**
 * Moves the blob away by the protocol of `packages/blob-removals.ts`, because a publisher may be putting the right bytes
 * at this very moment: either they are seen here and stay, or the publisher sees the mark and puts them again. Where
 * the storage failed, the blob may still go: the mark stays, and is stale after a while.
 */
async function setAside({ db, blobs, clock }: RepairDeps, digest: Sha256Digest): Promise<Repair> {
  // Each try marks at a time of its own: one that was committed without an answer looks like somebody else's.
  const { at, marked } = await retryUntilAvailable(async () => {
    const now = clock();
    return { at: now, marked: await db.write((session) => markRemovals(session, [digest], now)) };
  });
  if (marked.length === 0) return "failed";
  await blobs.setAside(digest);
  const isGone = (await blobs.stat(digest)) === undefined;
  await retryUntilAvailable(() => db.write((session) => endRemovals(session, [digest], at, clock())));
  return isGone ? "set_aside" : "healed";
}

/** Reads the archive again; its bytes are what the publisher signed, or nothing is taken from them. */
async function rebuildContents(
  { db, blobs }: Pick<Deps, "db" | "blobs">,
  { id }: CheckedVersion,
  digest: Sha256Digest,
): Promise<Repair> {
  const inspection = await blobs.withFile<Inspection | undefined>(digest, async (file) =>
    file.digest === digest ? inspectArchive(Bun.file(file.path).stream(), WIDEST_LIMITS) : undefined,
  );
  if (inspection === undefined) return "failed";
  await retryUntilAvailable(() =>
    db.write(({ query, tables: { versionContents } }) =>
      query.insert(versionContents).values(contentsRow(id, inspection)).onConflictDoNothing(),
    ),
  );
  return "rebuilt";
}
