import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { noteNewJwtKeyInUse, readOrMakeJwtKeys } from "../config/jwt-key.ts";
import { logKeyPath } from "../config/log-key.ts";
import type { StorageConfig } from "../config/storage.ts";
import type { Database } from "../db/database.ts";
import { migrate } from "../db/migrate.ts";
import { openDatabase } from "../db/open.ts";
import type { Deps } from "../deps.ts";
import type { HealthServices } from "../health/services.ts";
import { ResponseCache } from "../http/response-cache.ts";
import { SpillFile } from "../http/spill-file.ts";
import { Announcer } from "../log/announcer.ts";
import { knownLogKey } from "../log/log-rows.ts";
import { openLog } from "../log/open-log.ts";
import { openRecentLeaves } from "../log/open-recent-leaves.ts";
import { ReadOnlyMode } from "../log/read-only.ts";
import { settledWrites } from "../log/settled-writes.ts";
import { WitnessClient } from "../log/witness-client.ts";
import { createDownloadCounter } from "../packages/download-counter.ts";
import { PendingRebuilds } from "../packages/pending-rebuilds.ts";
import type { PackageServices } from "../packages/services.ts";
import { PublishBatcher } from "../publish/batcher.ts";
import type { PublishServices } from "../publish/publish.ts";
import { armFailpoints } from "../runtime/failpoints.ts";
import { createLogger, type Logger } from "../runtime/logger.ts";
import { openTracer } from "../tracing/open-tracer.ts";
import { tracedBlobs, tracedDatabase } from "../tracing/traced.ts";
import { resolveHost } from "../webhooks/endpoint.ts";
import { type SenderDeps, WebhookSender } from "../webhooks/sender.ts";
import { checkBucket } from "./check-bucket.ts";
import { maintainReserves, makeRoom } from "./disk-reserve.ts";
import { logKeysOf } from "./log-key.ts";
import { nameEmptyLog } from "./name-empty-log.ts";
import { openBlobs } from "./open-blobs.ts";
import { openMetrics } from "./open-metrics.ts";
import { keepUnlessMoved } from "./open-offline.ts";
import { databaseStep, startStep } from "./start-step.ts";

/**
 * What the routes need: the dependencies of several features, and the services that one feature
 * owns.
 */
export type AppDeps = Deps & PackageServices & PublishServices & HealthServices;

/** An open registry. Tests override single members. */
export interface Registry extends AppDeps {
  /** Copies checkpoints and asks witnesses in the background. No request waits for it. */
  readonly announcer: Announcer;
  /** Stops to keep room for the database on a full disk. */
  readonly endReserves: () => void;
  /** Derives in the background what a migration changed. */
  readonly rebuilds: PendingRebuilds;
  /** Delivers events to webhooks in the background. */
  readonly webhooks: WebhookSender;
}

/** The storage with the share of this process in what all workers may hold in local files. */
function shareOf({ storage, workers }: Config): StorageConfig {
  if (storage.kind === "files") return storage;
  return { ...storage, spillMaxBytes: Math.ceil(storage.spillMaxBytes / workers) };
}

/**
 * Opens everything a server needs: migrates and opens the database, opens the blob store, reads or
 * creates the keys. Throws an error with a message for the operator if any of them cannot be used.
 * Close the result with `closeDeps`.
 */
export async function openDeps(config: Config, clock: () => Date = () => new Date()): Promise<Registry> {
  const { dataDir, database } = config;
  const logger = createLogger(config.logLevel, clock);
  const failpoints = armFailpoints(config.failpoints);
  const tracer = config.traces && (await openTracer(config.traces, logger));
  const opened = await openBlobs(shareOf(config), dataDir, logger, failpoints);
  const blobs = tracer === undefined ? opened : tracedBlobs(opened, tracer);
  if (config.storage.kind === "s3") await checkBucket(config.storage, blobs);
  const jwtKeys = config.jwtKeys ?? (await openJwtKeys(dataDir, clock()));
  const openedDb = await openMigrated(config, logger);
  const ownDb = tracer === undefined ? openedDb : tracedDatabase(openedDb, tracer);
  ownDb.watch();
  const witnesses = new WitnessClient({ db: ownDb, logger }, config.logWitnesses);
  const isFirstStart = (await ownDb.read(knownLogKey)) === undefined;
  const isRenamed = await nameEmptyLog(config, { db: ownDb, blobs });
  const log = await openLog({ db: ownDb, blobs, failpoints, witnesses, clock }, await logKeysOf(config, ownDb));
  const recent = await openRecentLeaves({ db: ownDb, blobs, logger, failpoints });
  const db = settledWrites(ownDb, log, recent);
  const announcer = new Announcer({ db, blobs, logger, failpoints, log, witnesses, recent });
  if ((isFirstStart || isRenamed) && config.logKeys === undefined) log.newKeyPath = logKeyPath(dataDir);
  log.onAppend = () => announcer.wake();
  log.onModeChange = () => db.invalidations.notify("any");
  const readOnly = await ReadOnlyMode.open({ db, log, isSet: config.readOnly });
  // A server that may not write is perhaps one of an old copy of the database.
  if (!config.readOnly) announcer.catchUp();
  const rebuilds = new PendingRebuilds({ db, logger });
  await databaseStep(database, () => rebuilds.start());
  const downloads = createDownloadCounter(db, logger, clock, () => readOnly.refusesWrites);
  const responseCache = openResponseCache(config, db);
  const metrics = openMetrics({ logger, db, responseCache, witnesses });
  return {
    config,
    db,
    blobs,
    downloads,
    responseCache,
    tracer,
    metrics,
    jwtKeys,
    clock,
    logger,
    failpoints,
    log,
    readOnly,
    announcer,
    rebuilds,
    webhooks: startWebhooks({ config, db, jwtKeys, clock, logger, metrics, failpoints, readOnly }),
    batcher: new PublishBatcher(),
    endReserves: maintainReserves(config),
  };
}

/** Migrates and opens the database. Throws `OperatorError` if it was moved to another place. */
async function openMigrated(config: Config, logger: Logger): Promise<Database> {
  const { database } = config;
  await databaseStep(database, async () => makeRoom(config));
  await databaseStep(database, () => migrate(database));
  return keepUnlessMoved(await openDatabase(database, (event, fields) => logger.error(event, fields)));
}

async function openJwtKeys(dataDir: string, now: Date) {
  const keys = await startStep("DATA_DIR", `${dataDir} cannot hold jwt.key`, () => readOrMakeJwtKeys(dataDir));
  noteNewJwtKeyInUse(dataDir, keys.reveal(), now);
  return keys;
}

function startWebhooks(deps: Omit<SenderDeps, "resolve">): WebhookSender {
  const sender = new WebhookSender({ ...deps, resolve: resolveHost });
  sender.start();
  return sender;
}

/** A cached response may be sent to any client, so there is no cache where not everybody may read. */
function openResponseCache({ readAccess, dataDir }: Config, db: Database): ResponseCache | undefined {
  return readAccess === "public" ? new ResponseCache(db.invalidations, openSpillFile(dataDir)) : undefined;
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

/** Writes what is only in memory, such as download counts, and closes everything. */
export async function closeDeps(deps: Registry): Promise<void> {
  deps.endReserves();
  await deps.webhooks.close();
  await deps.downloads.close();
  await deps.rebuilds.close();
  await deps.announcer.close();
  deps.responseCache?.close();
  await deps.blobs.close();
  await deps.db.close();
  await deps.tracer?.close();
}
