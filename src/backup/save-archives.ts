import type { BlobStore } from "../blobs/store.ts";
import type { NamedArchive, SnapshotFile } from "../db/snapshot-file.ts";
import { parseDigest, type Sha256Digest } from "../domain/digest.ts";
import { Failure } from "../errors.ts";
import { forEachConcurrently } from "../maintenance/concurrency.ts";
import { putCopy } from "../maintenance/copy-store.ts";
import { type Amount, add, nothing, type Report } from "../maintenance/progress.ts";
import { refusalCode } from "../maintenance/retry.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { findArchive } from "./layout.ts";
import type { LackingArchive } from "./manifest.ts";

/** Few, because the server goes on with its work meanwhile. */
const CONCURRENCY = 4;

/** Which of the archives that a snapshot names were saved, and which could not be. */
export interface SavedArchives {
  /** Archives that the backup lacked. */
  readonly copied: Amount;
  /** Archives that an earlier run saved. They are not read again. */
  readonly present: Amount;
  /** Archives that are damaged or missing at their source, in the order of their digests. */
  readonly lacking: LackingArchive[];
}

interface SaveDeps {
  readonly from: BlobStore;
  readonly to: BlobStore;
  readonly backup: string;
  readonly failpoints: Failpoints;
}

/**
 * Copies every archive that a snapshot names and the backup lacks, and hashes each on the way.
 * Archives never change, so this continues what an earlier run began. An archive that is damaged or
 * missing is in the result. Throws `storage_full` and other failures of the backup's own disk.
 */
export async function saveArchives(
  deps: SaveDeps,
  snapshot: SnapshotFile,
  versions: number,
  report: Report,
): Promise<SavedArchives> {
  const saved: SavedArchives = { copied: nothing(), present: nothing(), lacking: [] };
  await forEachConcurrently(snapshot.archives(), CONCURRENCY, async (archive) => {
    const digest = parseDigest(archive.sha256);
    const reason = digest === undefined ? "the database has no valid digest" : await save(deps, archive, digest, saved);
    if (reason !== undefined) saved.lacking.push({ ...nameOf(archive), reason });
    const done = saved.copied.count + saved.present.count + saved.lacking.length;
    report({ done, total: Math.max(versions, done), bytes: saved.copied.bytes });
    deps.failpoints.hit("backup.archive");
  });
  saved.lacking.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  return saved;
}

const nameOf = ({ package: name, version, sha256 }: NamedArchive) => ({ package: name, version, sha256 });

/** Returns why the archive could not be saved. Undefined if the backup has it. */
async function save(
  { from, to, backup }: SaveDeps,
  { size }: NamedArchive,
  digest: Sha256Digest,
  saved: SavedArchives,
): Promise<string | undefined> {
  if (findArchive(backup, digest)?.size === size) {
    add(saved.present, size);
    return undefined;
  }
  let isReading = true;
  try {
    const reason = await from.withFile(digest, async (file) => {
      if (file.digest !== digest) return `its ${file.size} bytes have sha256 ${file.digest}`;
      isReading = false;
      await putCopy(to, file);
      add(saved.copied, file.size);
      return "";
    });
    return reason === undefined ? "it is not stored" : reason || undefined;
  } catch (cause) {
    // What the backup's own disk refuses ends the command. What the source refuses is named.
    if (!isReading || !(cause instanceof Failure)) throw cause;
    return refusalCode(cause);
  }
}
