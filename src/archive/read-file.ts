import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { readEntryName } from "./entry-name.ts";
import type { TarEntry, TarVisitor } from "./tar.ts";
import { TextFile } from "./text-file.ts";
import { walkArchive } from "./walk.ts";

/** Thrown at the end of the file, because the rest of the archive is not needed. */
class FileEnd extends Error {
  override readonly name = "FileEnd";
}

/** Collects the one file that has a path. */
class OneFile implements TarVisitor {
  file: TextFile | undefined;
  #isOpen = false;

  constructor(
    readonly path: string,
    readonly maxBytes: number,
  ) {}

  entry({ name, kind, sizeBytes }: TarEntry): void {
    const { path, created } = readEntryName(name, kind);
    // Version 0.2.0 stored lists with `/` for the `\` of archives packed on Windows. No two
    // entries of an accepted archive share a path in either form.
    this.#isOpen = kind === "file" && (created === this.path || path === this.path);
    if (this.#isOpen) this.file = new TextFile(this.path, sizeBytes, this.maxBytes);
  }

  content(piece: Uint8Array): void {
    if (this.#isOpen) this.file?.push(piece);
  }

  entryEnd(): void {
    if (this.#isOpen) throw new FileEnd();
  }

  /** The archive was accepted, so it has no problems. */
  problem(): void {}
}

/**
 * Reads one file of an accepted archive, in bounded memory and in turns, and stops after it.
 * Returns undefined if the archive has no such file of at most `maxBytes`. Throws
 * `UnreadableArchive` for bytes that are no archive.
 */
export async function readArchiveFile(
  chunks: AsyncIterable<Uint8Array>,
  path: string,
  maxBytes: number,
): Promise<TextFile | undefined> {
  const one = new OneFile(path, maxBytes);
  try {
    await walkArchive(chunks, WIDEST_ARCHIVE_LIMITS, one);
  } catch (cause) {
    if (!(cause instanceof FileEnd)) throw cause;
  }
  return one.file;
}
