import { join } from "node:path";
import { DurableDirectories } from "../blobs/durable-directories.ts";
import { openFileStore } from "../blobs/file-store.ts";
import { prepareIncoming } from "../blobs/incoming.ts";
import type { FaultReport } from "../blobs/s3-bucket.ts";
import type { BlobStore } from "../blobs/store.ts";
import { type Config, ConfigError, type DatabaseConfig } from "../config/config.ts";
import { readOrMakeJwtKey } from "../config/jwt-key.ts";
import { readOrMakeLogKey } from "../config/log-key.ts";
import type { S3Config, StorageConfig } from "../config/storage.ts";
import type { Database } from "../db/database.ts";
import { migrate } from "../db/migrate.ts";
import { openDatabase } from "../db/open.ts";
import type { Deps } from "../deps.ts";
import { errorCode } from "../errors.ts";
import { ResponseCache } from "../http/response-cache.ts";
import { SpillFile } from "../http/spill-file.ts";
import { Announcer } from "../log/announcer.ts";
import { knownLogKey } from "../log/log-rows.ts";
import { openLog } from "../log/open-log.ts";
import { createDownloadCounter } from "../packages/download-counter.ts";
import type { PackageServices } from "../packages/services.ts";
import { PublishBatcher } from "../publish/batcher.ts";
import type { PublishServices } from "../publish/publish.ts";
import { armFailpoints, type Failpoints } from "../runtime/failpoints.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import type { SignerKey } from "../tlog/note.ts";

/**
 * A registry that is put together: what use cases need, and what features keep in memory. Tests
 * override single members.
 */
export type Registry = Deps & PackageServices & PublishServices;

/** What the codes of systems and of Postgres mean for who starts a registry. */
const REASONS: Readonly<Record<string, string>> = {
  "28P01": "wrong user name or password",
  "28000": "this user may not connect",
  "3D000": "there is no such database",
  "42501": "this user may not make tables and the extension pg_trgm",
  CONNECT_TIMEOUT: "no answer in time",
  EACCES: "this user may not",
  ECONNREFUSED: "nobody listens there",
  ENOSPC: "the disk is full",
  ENOTFOUND: "no host has this name",
  EROFS: "the file system is read-only",
  AccessDenied: "this key may not read and write there",
  ConnectionRefused: "nobody listens there",
  FailedToOpenSocket: "no host has this name",
  InvalidAccessKeyId: "no such access key",
  NoSuchBucket: "there is no such bucket",
  RequestTimeTooSkewed: "the clock of this machine is wrong",
  SignatureDoesNotMatch: "wrong secret key, or a region that is not the bucket's",
  StoredOtherBytes: "it does not give back what it was given",
  Timeout: "no answer in time",
};

/** Does one step of the start; a system error becomes a problem of the setting that can mend it. */
async function step<T>(setting: string, what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = errorCode(cause);
    if (code === undefined) throw cause;
    throw new ConfigError([{ setting, message: `${what}: ${REASONS[code] ?? "the system says"} (${code})` }]);
  }
}

export function databaseStep<T>(database: DatabaseConfig, work: () => Promise<T>): Promise<T> {
  if (database.kind === "sqlite") return step("DATA_DIR", `${database.path} cannot be used`, work);
  return step("DATABASE_URL", `Postgres on ${database.connection.host} cannot be used`, work);
}

/**
 * Opens a store of archives. Uploads on their way to S3, and archives on their way from it, lie in
 * `dataDir/packages/incoming`, which `prepare` makes ready. Throws `ConfigError` when that cannot
 * be done.
 */
export async function openBlobs(
  storage: StorageConfig,
  dataDir: string,
  logger: Logger,
  failpoints: Failpoints,
  prepare: (incomingDir: string) => Promise<void> = prepareIncoming,
): Promise<BlobStore> {
  if (storage.kind === "files") {
    const { directory } = storage;
    return step("DATA_DIR", `${directory} cannot be written`, () => openFileStore(directory, failpoints, prepare));
  }
  const incomingDir = join(dataDir, "packages", "incoming");
  await step("DATA_DIR", `${incomingDir} cannot be written`, async () => {
    await new DurableDirectories(join(dataDir, "packages"), failpoints).ensure(incomingDir);
    await prepare(incomingDir);
  });
  // Loaded on demand: a registry on files needs none of it.
  const { openS3Store } = await import("../blobs/s3-store.ts");
  const report: FaultReport = (method, { code }) => logger.warn("storage_fault", { method, code });
  return openS3Store(storage, { incomingDir, report, failpoints });
}

function checkBucket({ bucket, endpoint }: S3Config, blobs: BlobStore): Promise<void> {
  return step("STORAGE_TYPE", `bucket ${bucket} at ${endpoint} cannot be used`, () => blobs.check());
}

/**
 * Migrates and opens the database, opens the blob store and reads or makes the session key. Throws,
 * with a message for the operator, when any of them cannot be used. Close what it returns with
 * `closeDeps`.
 */
export async function openDeps(config: Config, clock: () => Date = () => new Date()): Promise<Registry> {
  const { dataDir, database } = config;
  const logger = createLogger(config.logLevel, clock);
  const failpoints = armFailpoints(config.failpoints);
  const blobs = await openBlobs(config.storage, dataDir, logger, failpoints);
  // A registry must not start on a bucket it cannot use.
  if (config.storage.kind === "s3") await checkBucket(config.storage, blobs);
  const jwtKey =
    config.jwtKey ?? (await step("DATA_DIR", `${dataDir} cannot hold jwt.key`, () => readOrMakeJwtKey(dataDir)));
  await databaseStep(database, () => migrate(database));
  const db = await openDatabase(database);
  db.watch();
  const log = await openLog({ db, blobs, failpoints }, await logKeyOf(config, db));
  const announcer = new Announcer({ db, blobs, logger, failpoints, log, witnesses: config.logWitnesses });
  log.onAppend = () => announcer.wake();
  const downloads = createDownloadCounter(db, logger);
  return {
    config,
    db,
    blobs,
    downloads,
    responseCache:
      config.readAccess === "public" ? new ResponseCache(db.invalidations, openSpillFile(dataDir)) : undefined,
    jwtKey,
    clock,
    logger,
    failpoints,
    log,
    announcer,
    batcher: new PublishBatcher(),
  };
}

/**
 * Opens the spill file of the response cache. Without it, only bodies that fit into memory are
 * cached.
 */
function openSpillFile(dataDir: string): SpillFile | undefined {
  try {
    return new SpillFile(join(dataDir, `responses-${crypto.randomUUID()}.tmp`));
  } catch {
    return undefined;
  }
}

/** The key of the log: a setting, or with SQLite a file that is made once, with the log. */
export async function logKeyOf({ logKey, logOrigin, dataDir }: Config, db: Database): Promise<SignerKey> {
  if (logKey !== undefined) return logKey.reveal();
  const existing = await db.read(knownLogKey);
  const make = () => readOrMakeLogKey(dataDir, logOrigin, existing);
  return (await step("DATA_DIR", `${dataDir} cannot hold log.key`, make)).reveal();
}

/** Writes what is still in memory and lets go of the database. */
export async function closeDeps(deps: Registry): Promise<void> {
  await deps.downloads.close();
  await deps.announcer.close();
  deps.responseCache?.close();
  await deps.blobs.close();
  await deps.db.close();
}
