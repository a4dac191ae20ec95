import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DownloadCounter } from "../../src/packages/download-counter.ts";
import { type Outcome, runOnce } from "../binary/executable.ts";
import { testPostgres } from "./postgres.ts";
import { PROGRAM, SOURCES } from "./program.ts";
import {
  type DatabaseKind,
  overriding,
  startRegistry,
  TEST_JWT_KEY,
  TEST_LOG_KEY,
  type TestRegistry,
} from "./registry.ts";
import { testS3 } from "./s3.ts";

/** Where a registry stores its archives. */
export type StorageKind = "files" | "s3";

/** Settings with which a registry can be started again and again, and commands run beside it. */
export interface Place {
  readonly database: DatabaseKind;
  readonly storage: StorageKind;
  readonly dataDir: string;
  readonly databaseUrl: string | undefined;
  readonly bucket: string | undefined;
  readonly settings: Readonly<Record<string, string>>;
  /** What names its database for `db copy`. */
  readonly databaseName: string;
  /**
   * Starts the registry in this process. Its data stays when it is stopped. It counts no downloads,
   * unless asked to, so that answers stay the same.
   */
  start(counting?: "counting downloads"): Promise<TestRegistry>;
  /** Runs a command as a process of its own. */
  run(...args: string[]): Promise<Outcome>;
  /** Runs a command from the sources, with more settings, such as failpoints. */
  runWith(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Outcome>;
  remove(): Promise<void>;
}

/** Makes a place that nobody has used. Its files are below `under`. */
export async function newPlace(
  database: DatabaseKind,
  storage: StorageKind = "files",
  under = tmpdir(),
): Promise<Place> {
  const dataDir = await mkdtemp(join(under, "cpm-place-"));
  const databaseUrl = database === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
  const s3 = storage === "s3" ? await testS3() : undefined;
  const bucket = await s3?.createBucket();
  const settings = {
    DATA_DIR: dataDir,
    JWT_KEY: TEST_JWT_KEY,
    LOG_SIGNING_KEY: TEST_LOG_KEY,
    LOG_LEVEL: "silent",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...(s3 === undefined || bucket === undefined ? {} : s3.settings(bucket)),
  };
  const env = { PATH: process.env.PATH ?? "", ...settings };
  return {
    ...{ database, storage, dataDir, databaseUrl, bucket, settings },
    databaseName: databaseUrl ?? join(dataDir, "registry.db"),
    // Of the kind "sqlite", so that it makes no database: the settings name this one.
    start: (counting) =>
      startRegistry("sqlite", {
        env: settings,
        ...(counting === undefined ? { override: ({ downloads }) => ({ downloads: uncounted(downloads) }) } : {}),
      }),
    run: (...args) => runOnce({ command: PROGRAM, cwd: "/", env }, ...args),
    runWith: (more, ...args) => runOnce({ command: SOURCES, cwd: "/", env: { ...env, ...more } }, ...args),
    remove: async () => {
      if (databaseUrl !== undefined) await (await testPostgres()).dropDatabase(databaseUrl);
      if (bucket !== undefined) await s3?.emptyAndDropBucket(bucket);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

const uncounted = (counter: DownloadCounter) => overriding(counter, { count: () => false });

/** Runs `work` with places, and removes them. */
export async function withPlaces<T>(
  kinds: readonly (readonly [DatabaseKind, StorageKind])[],
  work: (...places: Place[]) => Promise<T>,
): Promise<T> {
  const places: Place[] = [];
  try {
    for (const [database, storage] of kinds) places.push(await newPlace(database, storage));
    return await work(...places);
  } finally {
    for (const place of places) await place.remove();
  }
}

/** Runs `work` while the registry of a place runs in this process. */
export async function whileRunning<T>(
  place: Place,
  work: (registry: TestRegistry) => Promise<T>,
  counting?: "counting downloads",
): Promise<T> {
  const registry = await place.start(counting);
  try {
    return await work(registry);
  } finally {
    await registry.stop();
  }
}
