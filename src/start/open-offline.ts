import { existsSync } from "node:fs";
import type { BlobStore } from "../blobs/store.ts";
import type { Config, DatabaseConfig } from "../config/config.ts";
import type { StorageConfig } from "../config/storage.ts";
import type { Database } from "../db/database.ts";
import { MigrationError, migrationState } from "../db/migrate.ts";
import { openDatabase } from "../db/open.ts";
import type { Deps } from "../deps.ts";
import { readLogKeys } from "../log/log-keys.ts";
import { knownLogKey } from "../log/log-rows.ts";
import { requireNotMoved } from "../log/moved.ts";
import { TransparencyLog } from "../log/transparency-log.ts";
import { noFailpoints } from "../runtime/failpoints.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { keepReserves, makeRoomForCommand } from "./disk-reserve.ts";
import { logKeysOf } from "./log-key.ts";
import { openBlobs } from "./open-blobs.ts";
import { databaseStep } from "./start-step.ts";
import { systemClock } from "./system-clock.ts";

/**
 * Opens the log for an offline command. The server has already compared it with the published
 * checkpoint.
 */
export async function openOfflineLog({
  config,
  db,
  clock,
}: Pick<Deps, "config" | "db" | "clock">): Promise<TransparencyLog> {
  const signers = await logKeysOf(config, db);
  if ((await db.read(knownLogKey)) !== undefined) {
    return new TransparencyLog(await db.read((session) => readLogKeys(session, signers)), { clock });
  }
  // The first start of the server begins the log. Until then there is nothing to append to.
  const [signer] = signers;
  if (signer === undefined) throw new Error("The log has no key");
  return new TransparencyLog({ verifier: signer, signer, cosigners: [] }, { clock });
}

/** Throws `MigrationError` if there is no file of SQLite. Postgres has a database once it answers. */
export function requireDatabase(database: DatabaseConfig): void {
  if (database.kind !== "sqlite" || existsSync(database.path)) return;
  throw new MigrationError(
    `There is no database at ${database.path}. Run the command with the settings of the registry: --config <file>, or DATA_DIR=<directory>, or in the directory where it was started. If it never ran, start it once. Check that this user may read the directory.`,
  );
}

/**
 * Throws `MigrationError` if the database does not exist or is not up to date. Changes nothing.
 */
async function requireMigrated(database: DatabaseConfig): Promise<void> {
  requireDatabase(database);
  const { pending } = await databaseStep(database, () => migrationState(database));
  if (pending.length === 0) return;
  throw new MigrationError("The database is not up to date. Start the registry, or run cpm-registry migrate.");
}

/** What an offline command needs. */
export type OfflineDeps = Pick<Deps, "db" | "clock"> & { close(): Promise<void> };

/** Whether a command may use a database that was moved (log/moved.ts). Only one ends that state. */
export type IfMoved = "refuse" | "use";

/**
 * Opens the database for an offline command, while a server may use it. Migrates nothing and
 * creates no file. Throws `MigrationError` if migrations are pending, and `OperatorError` if the
 * database was moved.
 */
export async function openOffline(
  { database }: Pick<Config, "database">,
  clock: () => Date = () => new Date(),
  ifMoved: IfMoved = "refuse",
): Promise<OfflineDeps> {
  const db = await openCurrent(database, ifMoved);
  return { db, clock, close: () => db.close() };
}

async function openCurrent(database: DatabaseConfig, ifMoved: IfMoved): Promise<Database> {
  await requireMigrated(database);
  const db = await openDatabase(database);
  return ifMoved === "use" ? db : keepUnlessMoved(db);
}

/** Returns the database, or closes it and throws `OperatorError` if it was moved. */
export async function keepUnlessMoved(db: Database): Promise<Database> {
  try {
    await requireNotMoved(db);
    return db;
  } catch (cause) {
    await db.close();
    throw cause;
  }
}

/**
 * Like `openOffline`, and opens the blob store too. Leaves the incoming directory as it is, so that
 * the command works on a full disk.
 */
export async function openOfflineWithBlobs(
  config: Config,
  clock: () => Date = () => new Date(),
): Promise<OfflineDeps & Pick<Deps, "blobs">> {
  await databaseStep(config.database, async () => makeRoomForCommand(config));
  const db = await openCurrent(config.database, "refuse");
  const store = await openOfflineStore(config, clock).catch(async (cause) => {
    await db.close();
    throw cause;
  });
  const close = async () => {
    await db.close();
    await store.close();
  };
  return { ...store, db, close };
}

/**
 * Opens the blob store alone, for a command that works although the database cannot be opened. Makes
 * room for such a command to open the database by itself.
 */
export async function openOfflineStore(
  config: Config,
  clock: () => Date = () => new Date(),
): Promise<Pick<Deps, "blobs" | "clock"> & { close(): Promise<void> }> {
  await databaseStep(config.database, async () => makeRoomForCommand(config));
  const blobs = await openStore(config.storage, config.dataDir, createLogger(config.logLevel, clock));
  const close = async () => {
    await blobs.close();
    keepReserves(config);
  };
  return { blobs, clock, close };
}

/**
 * Opens a blob store that a server may use at the same time. Leaves its incoming directory as it
 * is. Throws `ConfigError`.
 */
export function openStore(storage: StorageConfig, dataDir: string, logger: Logger): Promise<BlobStore> {
  return openBlobs(storage, dataDir, logger, noFailpoints, async () => undefined);
}

/** Creates a logger with the clock of this machine. */
export function openLogger(level: LogLevel): Logger {
  return createLogger(level, systemClock);
}
