import type { BlobBody, ByteRange, KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import type { DownloadedVersion } from "./download-counter.ts";
import { digestOf, loadReleasedVersion } from "./find-version.ts";

/** The archive of a version, as its row describes it. */
interface Download extends KnownBlob {
  readonly name: string;
  readonly version: string;
  readonly counted: DownloadedVersion;
}

/**
 * Finds the archive of a version, also a yanked one. Throws `package_not_found`,
 * `version_not_found` or `quarantined`.
 */
export async function findDownload({ db }: Pick<Deps, "db">, name: PackageName, asked: string): Promise<Download> {
  const { row } = await db.read((session) => loadReleasedVersion(session, name, asked));
  const counted = { name, versionId: row.id, packageId: row.packageId };
  return { name, version: row.version, digest: digestOf(row), size: row.size, counted };
}

/**
 * Reads an archive, or a range of it. `sent` resolves when the body is needed no more. Throws
 * `blob_missing`, `blob_corrupt`, or what the storage throws.
 */
export async function readArchive(
  { blobs }: Pick<Deps, "blobs">,
  { digest, size }: KnownBlob,
  range?: ByteRange,
  sent?: () => Promise<void>,
): Promise<BlobBody> {
  const body = await blobs.read({ digest, size }, range, sent);
  if (body === undefined) throw failure({ code: "blob_missing", digest });
  return body;
}

/**
 * Throws `blob_missing` or `blob_corrupt` unless the storage has a blob of this size. Reads nothing
 * of it.
 */
export async function requireStored({ blobs }: Pick<Deps, "blobs">, { digest, size }: KnownBlob): Promise<void> {
  const stored = await blobs.stat(digest);
  if (stored === undefined) throw failure({ code: "blob_missing", digest });
  if (stored.size !== size) throw failure({ code: "blob_corrupt", digest });
}
