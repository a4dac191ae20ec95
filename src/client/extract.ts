import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readEntryName } from "../archive/entry-name.ts";
import type { TarEntry, TarVisitor } from "../archive/tar.ts";
import { walkArchive } from "../archive/walk.ts";
import { WIDEST_ARCHIVE_LIMITS } from "../domain/limits.ts";

/**
 * Unpacks an archive into a new directory. Only call it with an archive that `readStructure`
 * accepted: that one has no links, and no name leads out of the directory.
 */
export async function extractArchive(chunks: AsyncIterable<Uint8Array>, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const writer = new TreeWriter(directory);
  try {
    await walkArchive(chunks, WIDEST_ARCHIVE_LIMITS, writer);
  } finally {
    writer.entryEnd();
  }
}

class TreeWriter implements TarVisitor {
  #open: number | undefined;

  constructor(readonly directory: string) {}

  entry(entry: TarEntry): void {
    // `path` has `/` between segments also where the archive was packed on Windows.
    const { path, problems } = readEntryName(entry.name, entry.kind);
    const [problem] = problems;
    if (problem !== undefined) this.problem(problem);
    const target = join(this.directory, path);
    if (entry.kind === "directory") {
      mkdirSync(target, { recursive: true });
      return;
    }
    mkdirSync(dirname(target), { recursive: true });
    this.#open = openSync(target, "wx");
  }

  content(piece: Uint8Array): void {
    if (this.#open === undefined) return;
    for (let at = 0; at < piece.length; ) at += writeSync(this.#open, piece, at);
  }

  entryEnd(): void {
    if (this.#open !== undefined) closeSync(this.#open);
    this.#open = undefined;
  }

  /** The archive was accepted, so this is a bug and not a bad archive. */
  problem(problem: { readonly code: string }): never {
    throw new Error(`An accepted archive has ${problem.code}`);
  }
}
