import { afterAll, beforeAll, describe } from "bun:test";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { createApp } from "../../src/app.ts";
import { readConfig } from "../../src/config/config.ts";
import { clientOptions } from "../../src/db/postgres/client-options.ts";
import { type ClientTimeouts, listen } from "../../src/http/server.ts";
import type { Registry as Deps } from "../../src/start/open-deps.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";
import { TEST_METRICS_TOKEN } from "./metrics.ts";
import { testPostgres } from "./postgres.ts";

export type DatabaseKind = "sqlite" | "postgres";

export const TEST_JWT_KEY = "k9ZrT3vQ7mXw2LpB8sNfHc5YdJgUeRaV-tests-only";
/** The key of the log `registry.test/log`. */
export const TEST_LOG_KEY = "PRIVATE+KEY+registry.test/log+39d8600d+AWNwbS1yZWdpc3RyeSBsb2cga2V5LCB0ZXN0cyBvbmx5";
export const TEST_PUBLIC_URL = "http://registry.test";
/** The name of `TEST_LOG_KEY`, as the first line of checkpoints has it. */
export const TEST_LOG_ORIGIN = "registry.test/log";

/** A registry with its real server, database and files, inside the test process. */
export interface TestRegistry {
  readonly kind: DatabaseKind;
  readonly url: string;
  readonly deps: Deps;
  readonly dataDir: string;
  /** The clock of the registry. It stands still until a test moves it. Undefined: the real time. */
  now: Date | undefined;
  stop(): Promise<void>;
}

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly override?: (deps: Deps) => Partial<Deps>;
  readonly timeouts?: ClientTimeouts;
}

/** Starts a registry on a fresh database of a kind and an empty data directory. */
export async function startRegistry(kind: DatabaseKind, options: Options = {}): Promise<TestRegistry> {
  const dataDir = await mkdtemp(join(tmpdir(), "cpm-registry-test-"));
  const databaseUrl = kind === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
  const config = readConfig(undefined, {
    PORT: "0",
    HOST: "127.0.0.1",
    PUBLIC_URL: TEST_PUBLIC_URL,
    DATA_DIR: dataDir,
    JWT_KEY: TEST_JWT_KEY,
    LOG_SIGNING_KEY: TEST_LOG_KEY,
    LOG_LEVEL: "silent",
    METRICS_TOKEN: TEST_METRICS_TOKEN,
    // Tests make many accounts from one address. Those of the limit set it.
    REGISTRATIONS_PER_HOUR: "1000000",
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
    ...options.env,
  });
  const time = { now: undefined as Date | undefined };
  const opened = await openDeps(config, () => time.now ?? new Date());
  const deps = { ...opened, ...options.override?.(opened) };
  const app = createApp(deps);
  const server = listen((request) => app.fetch(request), deps, options.timeouts);
  const url = `http://127.0.0.1:${server.port}`;
  clocks.set(url, () => time.now ?? new Date());
  const stop = async () => {
    clocks.delete(url);
    await server.stop();
    await closeDeps(deps);
    if (databaseUrl !== undefined) await (await testPostgres()).dropDatabase(databaseUrl);
    await rm(dataDir, { recursive: true, force: true });
  };
  return {
    kind,
    url,
    deps,
    dataDir,
    get now() {
      return time.now;
    },
    set now(value) {
      time.now = value;
    },
    stop,
  };
}

const clocks = new Map<string, () => Date>();

/**
 * The clock of the registry at an address, which tests may have set; this machine's for any other.
 */
export function clockAt(url: string): Date {
  return clocks.get(url)?.() ?? new Date();
}

/** Replaces some methods of a part of a registry. All others stay methods of the original. */
export function overriding<T extends object>(original: T, replaced: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      const value = Reflect.get(name in replaced ? replaced : target, name);
      return typeof value === "function" ? value.bind(name in replaced ? replaced : target) : value;
    },
  });
}

/**
 * Declares tests twice, on SQLite and on Postgres. Each database has its own registry, which lives
 * for the whole group. `body` gets a function, because the registry exists only once tests run.
 */
export function onBothDatabases(title: string, body: (registry: () => TestRegistry) => void, options?: Options): void {
  for (const kind of ["sqlite", "postgres"] as const) {
    describe(`${title} (${kind})`, () => {
      let registry: TestRegistry | undefined;
      beforeAll(async () => {
        registry = await startRegistry(kind, options);
      });
      afterAll(async () => registry?.stop());
      body(() => {
        if (registry === undefined) throw new Error("The registry is not started yet");
        return registry;
      });
    });
  }
}

/**
 * Opens a client to a registry's Postgres, for tests that hold locks or transactions. The caller
 * ends it.
 */
export function clientOf({ deps }: TestRegistry): postgres.Sql {
  const { database } = deps.config;
  if (database.kind !== "postgres") throw new Error("Not a Postgres");
  return postgres({ ...clientOptions(database.connection), max: 5 });
}

/**
 * Counts everything that a publish can leave behind: rows and files. Equal before and after means
 * that nothing was left.
 */
export async function tracesOf({ deps, dataDir }: TestRegistry) {
  const files = await readdir(join(dataDir, "packages"), { recursive: true, withFileTypes: true });
  const rows = await deps.db.read(async ({ query, tables }) => ({
    packages: await query.$count(tables.packages),
    versions: await query.$count(tables.versions),
    contents: await query.$count(tables.versionContents),
    owners: await query.$count(tables.packageOwners),
  }));
  return {
    ...rows,
    files: files
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name)
      .sort(),
  };
}
