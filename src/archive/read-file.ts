import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { readEntryName } from "./entry-name.ts";
import type { TarEntry, TarVisitor } from "./tar.ts";
import { TextFile } from "./text-file.ts";
import { walkArchive } from "./walk.ts";

/** Thrown at the end of the last file, because the rest of the archive is not needed. */
class FileEnd extends Error {
  override readonly name = "FileEnd";
}

/** Collects the files that have certain paths. */
class SomeFiles implements TarVisitor {
  readonly files = new Map<string, TextFile>();
  #open: TextFile | undefined;

  constructor(
    readonly paths: ReadonlySet<string>,
    readonly maxBytes: number,
  ) {}

  entry({ name, kind, sizeBytes }: TarEntry): void {
    const { path, created } = readEntryName(name, kind);
    // Version 0.2.0 stored lists with `/` for the `\` of archives packed on Windows. No two
    // entries of an accepted archive share a path in either form.
    const asked = [created, path].find((one) => this.paths.has(one));
    this.#open = kind === "file" && asked !== undefined ? new TextFile(asked, sizeBytes, this.maxBytes) : undefined;
    if (asked !== undefined && this.#open !== undefined) this.files.set(asked, this.#open);
  }

  content(piece: Uint8Array): void {
    this.#open?.push(piece);
  }

  entryEnd(): void {
    if (this.#open !== undefined && this.files.size === this.paths.size) throw new FileEnd();
  }

  /** The archive was accepted, so it has no problems. */
  problem(): void {}
}

/**
 * Reads files of an accepted archive by their paths, in memory bounded by the sizes of these files,
 * and in turns. It stops after the last of them. A file that the archive does not have is left out,
 * and one of more than `maxBytes` has no bytes. Throws `UnreadableArchive` for bytes that are no
 * archive.
 */
export async function readArchiveFiles(
  chunks: AsyncIterable<Uint8Array>,
  paths: ReadonlySet<string>,
  maxBytes: number,
): Promise<ReadonlyMap<string, TextFile>> {
  const found = new SomeFiles(paths, maxBytes);
  try {
    await walkArchive(chunks, WIDEST_ARCHIVE_LIMITS, found);
  } catch (cause) {
    if (!(cause instanceof FileEnd)) throw cause;
  }
  return found.files;
}

/** `readArchiveFiles` of one file; undefined if the archive has no such file. */
export async function readArchiveFile(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  maxBytes: number,
): Promise<TextFile | undefined> {
  return (await readArchiveFiles(chunks, new Set([path]), maxBytes)).get(path);
}
