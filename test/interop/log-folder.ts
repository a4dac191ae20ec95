import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cosign, formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { rootOf } from "../../src/tlog/merkle.ts";
import { COSIGNATURE, formatSignerKey, parseSignerKey, type SignerKey, signNote } from "../../src/tlog/note.ts";
import { type TileId, tilePath, tilesOfTree } from "../../src/tlog/tile.ts";
import { memoryTree } from "../support/memory-tree.ts";

/*
 * Writes what a log serves as files, for verifiers that read folders and for tests without a
 * server.
 */

export const SIZES = [0, 1, 2, 255, 256, 257, 65_535, 65_536, 65_537, 70_000];
export const ORIGIN = "registry.example/log";
export const COSIGNED_AT = new Date(1_700_000_000_000);

/** The tree of which each log has the first leaves. */
export const tree = memoryTree(Array.from({ length: 70_000 }, (_, at) => Buffer.from(`leaf ${at}\n`)));

export function signer(name: string, seed: number, type?: typeof COSIGNATURE): SignerKey {
  const key = parseSignerKey(formatSignerKey(name, Buffer.alloc(32, seed), type));
  if (key === undefined) throw new Error("a key that was written cannot be read");
  return key;
}

export const log = signer(ORIGIN, 1);
export const witness = signer("witness.example/w1", 2, COSIGNATURE);

/** Returns the signed and cosigned checkpoint of the tree of the first leaves. */
export async function checkpointOf(size: number): Promise<string> {
  const text = formatCheckpoint({ origin: ORIGIN, size, root: await rootOf(size, tree.read) });
  return signNote(text, log) + cosign(text, witness, COSIGNED_AT);
}

export interface LogFolder {
  readonly path: string;
  write(path: string, bytes: string | Uint8Array): void;
  /**
   * Writes everything that a log of this size serves. Full tiles of smaller sizes may exist.
   * Returns its tiles of hashes.
   */
  writeLog(size: number): Promise<readonly TileId[]>;
  /** Changes the last bit of a file while `work` runs. */
  tampered<T>(path: string, during: () => Promise<T>): Promise<T>;
  remove(): void;
}

export function openLogFolder(): LogFolder {
  const folder = mkdtempSync(join(tmpdir(), "cpm-log-"));
  const write = (path: string, bytes: string | Uint8Array): void => {
    const whole = join(folder, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, bytes);
  };
  return {
    path: folder,
    write,
    writeLog: async (size) => {
      const tiles = tilesOfTree(size);
      const bundles = tiles.filter(({ level }) => level === 0).map((tile) => ({ ...tile, level: "entries" as const }));
      for (const tile of [...tiles, ...bundles]) write(tilePath(tile), tree.bytesOf(tile));
      write("checkpoint", await checkpointOf(size));
      return tiles;
    },
    tampered: async (path, during) => {
      const bytes = readFileSync(join(folder, path));
      const changed = Buffer.from(bytes);
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      write(path, changed);
      try {
        return await during();
      } finally {
        write(path, bytes);
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
