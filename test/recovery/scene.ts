import { Database } from "bun:sqlite";
import { copyFileSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/app.ts";
import { type Config, readConfig } from "../../src/config/config.ts";
import { makeLogKey } from "../../src/config/log-key.ts";
import { listen } from "../../src/http/server.ts";
import { rotateKey } from "../../src/log/change-key.ts";
import { readState } from "../../src/log/log-rows.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { type Recovery, recover } from "../../src/recovery/recover.ts";
import { noFailpoints } from "../../src/runtime/failpoints.ts";
import { presentLogKeys } from "../../src/start/log-key.ts";
import { closeDeps, openDeps, type Registry } from "../../src/start/open-deps.ts";
import { openOfflineWithBlobs } from "../../src/start/open-offline.ts";
import { type Outcome, runOnce } from "../binary/executable.ts";
import { type FakeS3, startFakeS3 } from "../support/fake-s3.ts";
import { logKeyOf } from "../support/log-keys.ts";
import { testPostgres } from "../support/postgres.ts";
import { SOURCES } from "../support/program.ts";
import {
  type DatabaseKind,
  TEST_JWT_KEY,
  TEST_LOG_KEY,
  TEST_LOG_ORIGIN,
  TEST_PUBLIC_URL,
} from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/** A second key of the log, for rotations. */
const NEXT_LOG_KEY = makeLogKey(TEST_LOG_ORIGIN);

/** A registry that can be stopped, lose its database and get an old one back, while its storage stays. */
export class LosingRegistry {
  #databaseUrl: string | undefined;
  #snapshotUrl: string | undefined;
  #running: { readonly deps: Registry; stop(): Promise<void> } | undefined;
  /** The address of every life. */
  url = "";
  /** The keys of the log that this machine has, in the form of signed notes. */
  logKeys: readonly string[] = [TEST_LOG_KEY, NEXT_LOG_KEY];

  private constructor(
    readonly kind: DatabaseKind,
    readonly dataDir: string,
    readonly fake: FakeS3 | undefined,
    databaseUrl: string | undefined,
  ) {
    this.#databaseUrl = databaseUrl;
  }

  /** Makes one that is not started. Its files are below `under`. */
  static async make(kind: DatabaseKind, storage: "files" | "S3", under = tmpdir()): Promise<LosingRegistry> {
    const dataDir = await mkdtemp(join(under, "cpm-recovery-"));
    const fake = storage === "S3" ? await startFakeS3() : undefined;
    const databaseUrl = kind === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
    return new LosingRegistry(kind, dataDir, fake, databaseUrl);
  }

  get deps(): Registry {
    if (this.#running === undefined) throw new Error("The registry does not run");
    return this.#running.deps;
  }

  /** The settings of a server or a command. */
  get settings(): Record<string, string> {
    return {
      HOST: "127.0.0.1",
      PUBLIC_URL: TEST_PUBLIC_URL,
      DATA_DIR: this.dataDir,
      JWT_KEY: TEST_JWT_KEY,
      LOG_SIGNING_KEY: this.logKeys.join(" "),
      LOG_LEVEL: "silent",
      REGISTRATIONS_PER_HOUR: "1000000",
      PUBLISH_LIMITS: "off",
      ...(this.#databaseUrl === undefined ? {} : { DATABASE_URL: this.#databaseUrl }),
      ...this.fake?.settings(),
    };
  }

  config(port = "0"): Config {
    return readConfig(undefined, { ...this.settings, PORT: port });
  }

  /** Runs `log recover` in a process of its own, which a failpoint may kill. */
  recoverAsProcess(env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
    const place = { command: SOURCES, cwd: "/", env: { ...this.settings, ...env } };
    return runOnce(place, "log", "recover", "--json");
  }

  /** Replaces the key of the log, and starts the registry anew with the new one. */
  async rotateLogKey(): Promise<void> {
    const { db, clock } = this.deps;
    const [from, to] = [logKeyOf(TEST_LOG_KEY), logKeyOf(NEXT_LOG_KEY)];
    await rotateKey({ db, clock }, { from, to, at: new Date(), until: new Date(Date.now() + 86_400_000) });
    await this.stop();
    await this.start();
  }

  /** Starts it, at the same address as before. A `silent` one writes no tiles: it dies too early. */
  async start({ isSilent = false } = {}): Promise<void> {
    const deps = await openDeps(this.config(new URL(this.url || "http://x:0").port || "0"));
    if (isSilent) deps.log.onAppend = () => undefined;
    const server = listen((request) => createApp(deps).fetch(request), deps);
    this.url = `http://127.0.0.1:${server.port}`;
    this.#running = {
      deps,
      stop: async () => {
        await server.stop();
        await closeDeps(deps);
      },
    };
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    this.#running = undefined;
  }

  /** Waits until tiles and checkpoint are beside the archives. */
  async announced(): Promise<void> {
    const { db, blobs } = this.deps;
    const isCopied = async () =>
      (await blobs.readSidecar(CHECKPOINT_COPY)) === (await db.read(readState)).checkpoint &&
      (await blobs.sidecarsIn("recovery/recent")).length === 0;
    await waitUntil(isCopied, "the checkpoint is copied");
  }

  /** Keeps a copy of the database of this moment. The registry is stopped for it. */
  async snapshot(): Promise<void> {
    await this.stop();
    if (this.#databaseUrl !== undefined) {
      this.#snapshotUrl = await (await testPostgres()).createDatabase(this.#databaseUrl);
    } else {
      const client = new Database(this.#databasePath);
      rmSync(`${this.#databasePath}.old`, { force: true });
      client.run("VACUUM INTO ?", [`${this.#databasePath}.old`]);
      client.close();
    }
    await this.start();
  }

  get #databasePath(): string {
    return join(this.dataDir, "registry.db");
  }

  /** Puts the copy in the place of the database, each time anew. The registry must be stopped. */
  async restore(): Promise<void> {
    if (this.#databaseUrl === undefined || this.#snapshotUrl === undefined) {
      // A new file: SQLite may still hold locks of this process on the old one.
      for (const suffix of ["", "-wal", "-shm"]) rmSync(this.#databasePath + suffix, { force: true });
      copyFileSync(`${this.#databasePath}.old`, this.#databasePath);
      return;
    }
    const postgres = await testPostgres();
    await postgres.dropDatabase(this.#databaseUrl);
    this.#databaseUrl = await postgres.createDatabase(this.#snapshotUrl);
  }

  /** Runs `log recover` in this process. */
  async recover(isDryRun = false): Promise<Recovery | undefined> {
    const config = this.config();
    const deps = await openOfflineWithBlobs(config);
    try {
      return await recover(
        { ...deps, signers: presentLogKeys(config), failpoints: noFailpoints, report: () => undefined },
        isDryRun,
      );
    } finally {
      await deps.close();
    }
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.fake?.stop();
    for (const url of [this.#databaseUrl, this.#snapshotUrl]) {
      if (url !== undefined) await (await testPostgres()).dropDatabase(url);
    }
    await rm(this.dataDir, { recursive: true, force: true });
  }
}
