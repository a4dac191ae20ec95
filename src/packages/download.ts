import type { StoredBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { Sha256Digest } from "../registry/digest.ts";
import type { PackageName } from "../registry/package-name.ts";
import type { DownloadedVersion } from "./download-counter.ts";
import { digestOf, loadNamedVersion } from "./queries.ts";

/** An archive that is ready to be sent. */
export interface Download {
  readonly name: string;
  readonly version: string;
  readonly digest: Sha256Digest;
  readonly blob: StoredBlob;
  readonly counted: DownloadedVersion;
}

/**
 * Finds the archive of a version, yanked ones included. Throws `package_not_found`, `version_not_found`, or
 * `blob_missing` when the row has no blob of its size.
 */
export async function findDownload(
  { db, blobs }: Pick<Deps, "db" | "blobs">,
  name: PackageName,
  asked: string | null,
): Promise<Download> {
  const { row } = await db.read((session) => loadNamedVersion(session, name, asked));
  const digest = digestOf(row);
  const blob = await blobs.find(digest);
  if (blob === undefined || blob.size !== row.size) throw failure({ code: "blob_missing", digest });
  const counted = { versionId: row.id, packageId: row.packageId };
  return { name, version: row.version, digest, blob, counted };
}
