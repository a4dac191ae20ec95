import type { BlobBody, ByteRange, KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { digestOf, loadReleasedVersion } from "./find-version.ts";
import type { Download, KnownDownloads } from "./known-downloads.ts";

/**
 * Finds the archive of a version, yanked ones included. The database is asked once in a while for each version; what
 * `latest` means is asked every time, and so is what was not found. Throws `package_not_found`, `version_not_found` or
 * `quarantined`.
 */
export function findDownload(
  { db, knownDownloads }: Pick<Deps, "db"> & { readonly knownDownloads: KnownDownloads },
  name: PackageName,
  asked: string,
): Promise<Download> {
  const load = async () => {
    const { row } = await db.read((session) => loadReleasedVersion(session, name, asked));
    const counted = { name, versionId: row.id, packageId: row.packageId };
    return { name, version: row.version, digest: digestOf(row), size: row.size, counted };
  };
  return asked === "latest" ? load() : knownDownloads.find(name, asked, load);
}

/** The bytes of an archive, or a range inside of it. Throws `blob_missing`, `blob_corrupt`, or what the storage throws. */
export async function readArchive(
  { blobs }: Pick<Deps, "blobs">,
  { digest, size }: KnownBlob,
  range?: ByteRange,
): Promise<BlobBody> {
  const body = await blobs.read({ digest, size }, range);
  if (body === undefined) throw failure({ code: "blob_missing", digest });
  return body;
}

/** Throws `blob_missing` or `blob_corrupt` unless the storage has a blob of this size; reads nothing of it. */
export async function requireStored({ blobs }: Pick<Deps, "blobs">, { digest, size }: KnownBlob): Promise<void> {
  const stored = await blobs.stat(digest);
  if (stored === undefined) throw failure({ code: "blob_missing", digest });
  if (stored.size !== size) throw failure({ code: "blob_corrupt", digest });
}
