import type { BlobBody, ByteRange, KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { failure } from "../errors.ts";
import type { PackageName } from "../registry/package-name.ts";
import type { DownloadedVersion } from "./download-counter.ts";
import { digestOf, loadNamedVersion } from "./find-version.ts";

/** The archive of a version, by what the database knows of it. */
export interface Download extends KnownBlob {
  readonly name: string;
  readonly version: string;
  readonly counted: DownloadedVersion;
}

/** Some megabytes of memory, and more than most registries have versions that are asked for again and again. */
const KNOWN_MAX = 10_000;

/** Finds the archive of a version, yanked ones included. Throws `package_not_found` or `version_not_found`. */
export type FindDownload = (name: PackageName, asked: string) => Promise<Download>;

/**
 * Makes a finder that asks the database once for each version: its archive is the same for ever, yanked or not, so what
 * was found needs no second look. What `latest` means is asked every time, and so is what was not found.
 */
export function createDownloadFinder({ db }: Pick<Deps, "db">): FindDownload {
  const known = new Map<string, Download>();
  return async (name, asked) => {
    const key = `${name} ${asked}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { row } = await db.read((session) => loadNamedVersion(session, name, asked));
    const counted = { versionId: row.id, packageId: row.packageId };
    const download = { name, version: row.version, digest: digestOf(row), size: row.size, counted };
    if (asked !== "latest") {
      if (known.size >= KNOWN_MAX) known.clear();
      known.set(key, download);
    }
    return download;
  };
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
