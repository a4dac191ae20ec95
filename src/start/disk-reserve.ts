import { randomBytes } from "node:crypto";
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/config.ts";

/*
 * On a full disk, SQLite cannot even be opened or take the marks of a `gc` that would make room. So
 * a file beside it holds some room, and is removed for those who need it.
 */

const RESERVE_BYTES = 1_048_576;
/** Below this, the reserve is given up: SQLite needs room for its WAL and the index of the WAL. */
const ENOUGH_BYTES = 512 * 1024;
/** The reserve is made anew only where it takes a small part of what is free. */
const MAKE_ABOVE_BYTES = 4 * RESERVE_BYTES;
/**
 * SQLite maps the index of the WAL into memory and writes one byte for every 4096 to allocate it. In
 * file systems with smaller blocks, a full disk would end the process with a bus error.
 */
const SAFE_BLOCK_BYTES = 4_096;
const INDEX_BYTES = 64 * 1024;

type Place = Pick<Config, "dataDir" | "database">;

function reservePath(dataDir: string): string {
  return join(dataDir, "registry.reserve");
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/**
 * Makes sure that SQLite has room to be opened, and gives the reserve up if not. Throws `ENOSPC`
 * where opening it without room would end the process.
 */
export function makeRoom({ dataDir, database }: Place): void {
  if (database.kind !== "sqlite" || !existsSync(database.path)) return;
  if (freeBytes(dataDir) < ENOUGH_BYTES) rmSync(reservePath(dataDir), { force: true });
  const index = statSync(`${database.path}-shm`, { throwIfNoEntry: false });
  const roomBytes = freeBytes(dataDir) + (index?.blocks ?? 0) * 512;
  if (statfsSync(dataDir).bsize >= SAFE_BLOCK_BYTES || roomBytes >= INDEX_BYTES) return;
  throw Object.assign(new Error("There is no room for the index of the WAL"), { code: "ENOSPC" });
}

/** Makes the reserve if it is missing and there is room for it. Does nothing if it cannot. */
export function keepReserve({ dataDir, database }: Place): void {
  const path = reservePath(dataDir);
  try {
    if (database.kind !== "sqlite" || existsSync(path) || freeBytes(dataDir) < MAKE_ABOVE_BYTES) return;
    // Random, because a file system that compresses keeps no room for zeros.
    writeFileSync(path, randomBytes(RESERVE_BYTES), { flag: "wx", mode: 0o600 });
  } catch {
    rmSync(path, { force: true });
  }
}
