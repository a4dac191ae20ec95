import { createHash } from "node:crypto";
import { UnreadableArchive } from "../archive/archive-fault.ts";
import { readArchiveFiles } from "../archive/read-file.ts";
import type { BlobBody } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import { SHOWN_FILE_MAX_BYTES } from "../domain/limits.ts";
import type { PackageName } from "../domain/package-name.ts";
import { failure } from "../errors.ts";
import { SizeClassSemaphores } from "../runtime/semaphore.ts";
import { readVersionFiles } from "./contents.ts";
import { readArchive } from "./download.ts";
import { digestOf } from "./find-version.ts";

/**
 * Unpacking costs CPU time, and anybody may ask for it. One large archive at a time leaves the
 * second core to others.
 */
const unpacking = new SizeClassSemaphores({
  largeConcurrency: 1,
  smallConcurrency: 4,
  waitingMax: 200,
  waitMaxMs: 10_000,
  name: "unpacking",
});

/** A file of an archive. Its bytes are read only when they are needed. */
export interface FoundFile {
  readonly version: string;
  /** Lower-case hex SHA-256 of the file. */
  readonly sha256: string;
  read(): Promise<FileContent>;
}

/** The bytes of a file, and whether they are text in UTF-8. */
export interface FileContent {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isText: boolean;
}

async function* chunksOf(body: BlobBody): AsyncGenerator<Uint8Array> {
  if (body instanceof Blob) yield* body.stream();
  else yield body;
}

/**
 * Finds one file in the archive of a version. Throws `package_not_found`, `version_not_found`,
 * `quarantined`, `file_not_found`, or `file_too_large` for a file that the registry does not unpack
 * for a reader. `read` throws `busy`, and what the storage throws.
 */
export async function findFile(
  deps: Pick<Deps, "db" | "blobs">,
  name: PackageName,
  asked: string,
  path: string,
): Promise<FoundFile> {
  const { row, files } = await readVersionFiles(deps, name, asked);
  const { version } = row;
  const file = files.find((one) => one.path === path);
  if (file === undefined) throw failure({ code: "file_not_found", name, version });
  if (file.size > SHOWN_FILE_MAX_BYTES) {
    throw failure({ code: "file_too_large", name, version, sizeBytes: file.size, limitBytes: SHOWN_FILE_MAX_BYTES });
  }
  const blob = { digest: digestOf(row), size: row.size };
  return { version, sha256: file.sha256, read: () => readContent(deps, blob, file) };
}

/** The files of a version to read, with the blob of its archive. */
interface AskedFiles {
  readonly blob: Parameters<typeof readArchive>[1];
  readonly files: readonly { readonly path: string; readonly sha256: string }[];
}

/** Reads one file of an archive. */
async function readContent(
  deps: Pick<Deps, "blobs">,
  blob: AskedFiles["blob"],
  file: AskedFiles["files"][number],
): Promise<FileContent> {
  const content = (await readContents(deps, { blob, files: [file] })).get(file.path);
  if (content === undefined) throw failure({ code: "blob_corrupt", digest: blob.digest });
  return content;
}

/**
 * Reads some files of an archive by unpacking it once, each of at most `SHOWN_FILE_MAX_BYTES`. Their
 * own digests show whether the stored archive still has these bytes. Throws `busy`, `blob_corrupt`,
 * and what the storage throws.
 */
export async function readContents(
  deps: Pick<Deps, "blobs">,
  { blob, files }: AskedFiles,
): Promise<ReadonlyMap<string, FileContent>> {
  const paths = new Set(files.map(({ path }) => path));
  const found = await unpacking.run(blob.size, async () => {
    const { promise: read, resolve: end } = Promise.withResolvers<void>();
    try {
      const body = await readArchive(deps, blob, undefined, () => read);
      return await readArchiveFiles(chunksOf(body), paths, SHOWN_FILE_MAX_BYTES);
    } catch (cause) {
      throw cause instanceof UnreadableArchive ? failure({ code: "blob_corrupt", digest: blob.digest }, cause) : cause;
    } finally {
      end();
    }
  });
  return new Map(
    files.map(({ path, sha256 }) => {
      const file = found.get(path);
      const bytes = file?.bytes;
      if (bytes === undefined || createHash("sha256").update(bytes).digest("hex") !== sha256) {
        throw failure({ code: "blob_corrupt", digest: blob.digest });
      }
      return [path, { bytes: new Uint8Array(bytes), isText: file?.text !== undefined }];
    }),
  );
}
