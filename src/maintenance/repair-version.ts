import { type Inspection, inspectArchive } from "../archive/inspect.ts";
import type { Deps } from "../deps.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { Failure } from "../errors.ts";
import { endRemovals, markRemovals } from "../packages/blob-removals.ts";
import { contentsRow } from "../packages/records.ts";
import type { CheckedVersion, Finding } from "./check-version.ts";
import { refusalCode, retryUntilAvailable } from "./retry.ts";

type RepairDeps = Pick<Deps, "db" | "blobs" | "clock">;

/**
 * The result of a repair. `set_aside`: the damaged archive was moved to `corrupt/`. `rebuilt`: the
 * missing row was restored. `healed`: a publisher repaired it in the meantime. `failed`: what the
 * repair needs is missing or damaged too.
 */
export type Repair = "set_aside" | "rebuilt" | "healed" | "failed";

/**
 * Repairs what can be repaired without the publisher. Returns undefined if this problem cannot be.
 */
export async function repairVersion(
  deps: RepairDeps,
  checked: CheckedVersion,
  { problem }: Finding,
): Promise<Repair | undefined> {
  const digest = parseDigest(checked.sha256);
  if (digest === undefined) return undefined;
  try {
    if (problem === "blob_corrupt" || problem === "blob_unreadable") return await setAside(deps, digest);
    if (problem === "contents_missing") return await rebuildContents(deps, checked, digest);
    return undefined;
  } catch (cause) {
    if (cause instanceof Failure && cause.error.code === "database_unavailable") throw cause;
    // Throws if neither the storage nor the archive explains the failure.
    refusalCode(cause);
    return "failed";
  }
}

/**
 * Moves the blob away by the protocol of `packages/blob-removals.ts`, because a publisher may be
 * putting the right bytes at this very moment. Either the right bytes are seen here and stay, or
 * the publisher sees the mark and puts them again. If the storage failed, the blob may still go:
 * then the mark stays, and is stale after a while.
 */
async function setAside({ db, blobs, clock }: RepairDeps, digest: Sha256Digest): Promise<Repair> {
  // Each attempt marks with a time of its own. If a commit got no answer, its mark looks like a
  // foreign one.
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

/**
 * Reads the contents of the archive again. Takes nothing from an archive whose digest is not the
 * one that the publisher signed.
 */
async function rebuildContents(
  { db, blobs }: Pick<Deps, "db" | "blobs">,
  { id }: CheckedVersion,
  digest: Sha256Digest,
): Promise<Repair> {
  const inspection = await blobs.withFile<Inspection | undefined>(digest, async (file) =>
    file.digest === digest ? inspectArchive(Bun.file(file.path).stream(), WIDEST_ARCHIVE_LIMITS) : undefined,
  );
  if (inspection === undefined) return "failed";
  await retryUntilAvailable(() =>
    db.write(({ query, tables: { versionContents } }) =>
      query.insert(versionContents).values(contentsRow(id, inspection)).onConflictDoNothing(),
    ),
  );
  return "rebuilt";
}
