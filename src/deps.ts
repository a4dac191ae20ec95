import { join } from "node:path";
import { openFileStore } from "./blobs/file-store.ts";
import type { BlobStore } from "./blobs/store.ts";
import type { Config } from "./config/config.ts";
import { readOrMakeJwtKey } from "./config/jwt-key.ts";
import type { Secret } from "./config/secret.ts";
import type { Database } from "./db/database.ts";
import { migrate } from "./db/migrate.ts";
import { openDatabase } from "./db/open.ts";
import { createLogger, type Logger } from "./ops/logger.ts";
import { createDownloadCounter, type DownloadCounter } from "./packages/download-counter.ts";

/** Everything a use case may need from outside. Tests override single members. */
export interface Deps {
  readonly config: Config;
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly downloads: DownloadCounter;
  readonly jwtKey: Secret<string>;
  readonly clock: () => Date;
  readonly logger: Logger;
}

/**
 * Migrates and opens the database, opens the blob store and reads or makes the session key. Throws, with a message for
 * the operator, when any of them cannot be used. Close what it returns with `closeDeps`.
 */
export async function openDeps(config: Config, clock: () => Date = () => new Date()): Promise<Deps> {
  const logger = createLogger(config.logLevel, clock);
  const blobs = await openFileStore(join(config.dataDir, "packages"));
  const jwtKey = config.jwtKey ?? readOrMakeJwtKey(config.dataDir);
  await migrate(config.database);
  const db = await openDatabase(config.database);
  return { config, db, blobs, downloads: createDownloadCounter(db, logger), jwtKey, clock, logger };
}

/** Writes what is still in memory and lets go of the database. */
export async function closeDeps(deps: Deps): Promise<void> {
  await deps.downloads.close();
  await deps.db.close();
}
