import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountTmpfs } from "./mounts.ts";

const MIB = 1_048_576;

/** A disk that a test fills. */
export interface SmallDisk {
  readonly path: string;
  /** Leaves so many bytes free. */
  fill(freeBytes: number): void;
  /** Gives the room back that `fill` took. */
  clear(): void;
}

/** Runs `work` with an empty disk of some mebibytes, which is in memory. */
export async function onSmallDisk(mebibytes: number, work: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const disk = mountTmpfs(mebibytes * MIB);
  const filler = join(disk.path, "filler");
  const fill = (freeBytes: number) => {
    rmSync(filler, { force: true });
    const { bavail, bsize } = statfsSync(disk.path);
    writeFileSync(filler, new Uint8Array(Math.max(0, bavail * bsize - freeBytes)));
  };
  try {
    await work({ path: disk.path, fill, clear: () => rmSync(filler) });
  } finally {
    disk.remove();
  }
}
