import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/*
 * File systems for one test. Their directories carry the id of our process, so that the leftovers
 * of a dead run are recognised.
 */

const PREFIX = "cpm-faults-mount-";
const MIB = 1_048_576;

function command(...words: string[]): void {
  const [program = "", ...args] = words;
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${words.join(" ")} failed: ${stderr || error}`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function mountedUnder(directory: string): string[] {
  const points = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  return points.filter((point) => point.startsWith(`${directory}/`));
}

/**
 * Unmounts everything under a directory, even while a process uses it, and removes the directory.
 */
function clear(directory: string): void {
  for (const point of mountedUnder(directory)) {
    // A file system without users goes at once. One that a process of a failed test uses goes when
    // that ends.
    if (spawnSync("umount", [point]).status !== 0) spawnSync("umount", ["--lazy", point]);
  }
  if (mountedUnder(directory).length === 0) rmSync(directory, { recursive: true, force: true });
}

/** Removes the file systems of test processes that ended without removing them. */
function clearLeftovers(): void {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const pid = Number(name.slice(PREFIX.length).split("-")[0]);
    if (!isAlive(pid)) clear(join(tmpdir(), name));
  }
}

/** Runs `work`. If it fails, nothing is left of the file system that it was making. */
function clearing<T>(home: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    clear(home);
    throw cause;
  }
}

function newHome(): string {
  clearLeftovers();
  const home = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // Postgres runs as another user and must be able to reach its files.
  chmodSync(home, 0o755);
  mkdirSync(join(home, "mount"), { mode: 0o755 });
  return home;
}

/** A small file system in memory, mounted at `path`. */
export interface Mount {
  readonly path: string;
  remove(): void;
}

/** Mounts a tmpfs of `bytes` bytes. */
export function mountTmpfs(bytes: number): Mount {
  const home = newHome();
  const path = join(home, "mount");
  clearing(home, () => command("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=755`, "cpm-faults", path));
  return { path, remove: () => clear(home) };
}

/** An ext4 in a file, mounted at `path`. */
export interface ImageMount extends Mount {
  /**
   * Makes reads of a file fail with EIO from now on, and forgets what is cached of it: its blocks
   * and all behind them are cut off the disk.
   */
  breakFile(file: string): void;
  unmount(): void;
  mount(): void;
}

/** The offset in the image of the first byte of a file. */
function firstByteOf(file: string): number {
  const { stdout } = spawnSync("filefrag", ["-v", "-b1", file], { encoding: "utf8" });
  const offsets = stdout.matchAll(/^\s*\d+:\s*\d+\.\.\s*\d+:\s*(\d+)\.\./gm);
  return Math.min(...[...offsets].map(([, offset]) => Number(offset)));
}

/**
 * Makes an ext4 in a file and mounts it with `commit=300`. The kernel then writes its journal only
 * at a sync, and not every five seconds, so nothing is durable by chance.
 */
export function mountImage(megabytes: number, blockBytes = 4_096): ImageMount {
  const home = newHome();
  const [image, path] = [join(home, "image"), join(home, "mount")];
  const mount = () => command("mount", "-o", "loop,commit=300", image, path);
  clearing(home, () => {
    writeFileSync(image, "");
    truncateSync(image, megabytes * MIB);
    const options = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
    command("mkfs.ext4", "-q", "-F", "-b", String(blockBytes), "-m", "0", "-E", options, image);
    mount();
  });
  const breakFile = (file: string) => {
    truncateSync(image, firstByteOf(file));
    command("dd", `if=${file}`, "iflag=nocache", "count=0");
  };
  return { path, mount, unmount: () => command("umount", path), breakFile, remove: () => clear(home) };
}

function reasonAgainst(attempt: () => Mount): string | undefined {
  if (process.platform !== "linux") return "this needs Linux";
  if (process.getuid?.() !== 0) return "mounting needs root";
  try {
    attempt().remove();
    return undefined;
  } catch (cause) {
    return String(cause);
  }
}

/** Why no tmpfs can be mounted here. Undefined if it can. */
export function reasonAgainstTmpfs(): string | undefined {
  return reasonAgainst(() => mountTmpfs(MIB));
}

/** Why no image can be mounted here. Undefined if it can. */
export function reasonAgainstImages(): string | undefined {
  return reasonAgainst(() => mountImage(16));
}
