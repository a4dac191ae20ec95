import { existsSync } from "node:fs";
import type { BlobStore } from "../blobs/store.ts";
import type { Config, DatabaseConfig } from "../config/config.ts";
import type { StorageConfig } from "../config/storage.ts";
import { MigrationError, migrationState } from "../db/migrate.ts";
import { openDatabase } from "../db/open.ts";
import type { Deps } from "../deps.ts";
import { TransparencyLog } from "../log/transparency-log.ts";
import { noFailpoints } from "../runtime/failpoints.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { databaseStep, logKeyOf, openBlobs } from "./open-deps.ts";

/** The log for a command beside a server, which has looked whether it may be written. */
export async function openOfflineLog({ config, db }: Pick<Deps, "config" | "db">): Promise<TransparencyLog> {
  return new TransparencyLog(await logKeyOf(config, db), undefined);
}

async function requireMigrated(database: DatabaseConfig): Promise<void> {
  if (database.kind === "sqlite" && !existsSync(database.path)) {
    throw new MigrationError(
      `There is no database at ${database.path}: start the registry first, or is DATA_DIR another, or closed to this user?`,
    );
  }
  const { pending } = await databaseStep(database, () => migrationState(database));
  if (pending.length === 0) return;
  throw new MigrationError("The database is not up to date: start the registry, or run cpm-registry migrate.");
}

/** What a command has that works beside a server. */
export type OfflineDeps = Pick<Deps, "db" | "clock"> & { close(): Promise<void> };

/**
 * Opens the database beside a server that may be running; nothing is migrated and no file is made. Throws
 * `MigrationError` when it has not all migrations.
 */
export async function openOffline(
  { database }: Pick<Config, "database">,
  clock: () => Date = () => new Date(),
): Promise<OfflineDeps> {
  await requireMigrated(database);
  const db = await openDatabase(database);
  return { db, clock, close: () => db.close() };
}

/** `openOffline` with the store: the incoming directory is left as it is, full disk or not. */
export async function openOfflineWithBlobs(
  config: Config,
  clock: () => Date = () => new Date(),
): Promise<OfflineDeps & Pick<Deps, "blobs">> {
  await requireMigrated(config.database);
  const blobs = await openStore(config.storage, config.dataDir, createLogger(config.logLevel, clock));
  const db = await openDatabase(config.database);
  const close = async () => {
    await blobs.close();
    await db.close();
  };
  return { db, blobs, clock, close };
}

/** Opens a store beside a server that may use it: its incoming directory is left as it is. Throws `ConfigError`. */
export function openStore(storage: StorageConfig, dataDir: string, logger: Logger): Promise<BlobStore> {
  return openBlobs(storage, dataDir, logger, noFailpoints, async () => undefined);
}

/** The clock of this machine. */
export const systemClock = () => new Date();

/** A logger with the clock of this machine. */
export function openLogger(level: LogLevel): Logger {
  return createLogger(level, systemClock);
}
