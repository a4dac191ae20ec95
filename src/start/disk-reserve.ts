import { randomBytes } from "node:crypto";
import { existsSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { SAFE_BLOCK_BYTES } from "../db/sqlite/wal-index.ts";

/*
 * On a full disk, SQLite cannot even be opened or take the marks of a `gc` that would make room. So
 * two files beside it hold some room: a server that starts takes one, and leaves the other to `gc`.
 */

const RESERVE_BYTES = 1_048_576;
/** Below this, the reserve is given up: SQLite needs room for its WAL and the index of the WAL. */
const ENOUGH_BYTES = 512 * 1024;
/** The reserve is made anew only where it takes a small part of what is free. */
const MAKE_ABOVE_BYTES = 4 * RESERVE_BYTES;
const KEEP_EVERY_MS = 60_000;
/** What SQLite maps into memory for the index of a new WAL. */
const INDEX_BYTES = 64 * 1024;

type Place = Pick<Config, "dataDir" | "database">;

const FOR_START = "registry.reserve";
const FOR_COMMANDS = "registry.reserve-commands";

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Makes sure that a server has room to open SQLite. Throws as `makeRoomForCommand` does. */
export function makeRoom(place: Place): void {
  giveUp(place, [FOR_START]);
}

/**
 * Makes sure that a command has room to open SQLite and to write to it, and gives the reserves up
 * if not. Throws `ENOSPC` where opening it without room would end the process.
 */
export function makeRoomForCommand(place: Place): void {
  giveUp(place, [FOR_COMMANDS, FOR_START]);
}

function giveUp({ dataDir, database }: Place, reserves: readonly string[]): void {
  if (database.kind !== "sqlite" || !existsSync(database.path)) return;
  for (const name of reserves) if (freeBytes(dataDir) < ENOUGH_BYTES) rmSync(join(dataDir, name), { force: true });
  const index = statSync(`${database.path}-shm`, { throwIfNoEntry: false });
  const roomBytes = freeBytes(dataDir) + (index?.blocks ?? 0) * 512;
  if (statfsSync(dataDir).bsize >= SAFE_BLOCK_BYTES || roomBytes >= INDEX_BYTES) return;
  throw Object.assign(new Error("There is no room for the index of the WAL"), { code: "ENOSPC" });
}

/**
 * Keeps the reserves while a server runs, also after somebody made room again. Returns what ends
 * it.
 */
export function maintainReserves(place: Place): () => void {
  keepReserves(place);
  const timer = setInterval(() => keepReserves(place), KEEP_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Makes each reserve that is missing if there is room for it. Does nothing if it cannot. */
export function keepReserves({ dataDir, database }: Place): void {
  if (database.kind !== "sqlite") return;
  for (const name of [FOR_COMMANDS, FOR_START]) {
    const path = join(dataDir, name);
    try {
      if (existsSync(path) || freeBytes(dataDir) < MAKE_ABOVE_BYTES) continue;
      // Random, because a file system that compresses keeps no room for zeros.
      writeFileSync(path, randomBytes(RESERVE_BYTES), { flag: "wx", mode: 0o600 });
    } catch {
      rmSync(path, { force: true });
    }
  }
}
