import { describe, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BlobStore } from "../../src/blobs/store.ts";
import { type DatabaseConfig, readConfig } from "../../src/config/config.ts";
import { isInUse } from "../../src/db/in-use.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { openLogger, openStore } from "../../src/start/open-offline.ts";
import { formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { formatVerifierKey, parseSignerKey, signNote, verifierOf } from "../../src/tlog/note.ts";
import { prepareServer, type ServerProcess } from "../faults/server.ts";
import { runCommand } from "../maintenance/scene.ts";
import { testPostgres } from "../support/postgres.ts";
import { type DatabaseKind, TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const signer = parseSignerKey(TEST_LOG_KEY);
if (signer === undefined) throw new Error("the test's key is none");

async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "cpm-log-commands-"));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe("log key", () => {
  test("log key prints the verifier key of the settings, and log make-key makes one for an origin", async () => {
    expect((await runCommand({}, "log", "key")).stdout.trim()).toBe(formatVerifierKey(verifierOf(signer)));
    const { stdout } = await runCommand({}, "log", "make-key", "cpm.example.org/log");
    expect(parseSignerKey(stdout.trim())?.name).toBe("cpm.example.org/log");
    expect((await runCommand({}, "log", "make-key", "two words")).exitCode).toBe(64);
  });

  test("log key makes log.key in DATA_DIR for its owner only, prints the same key from then on, and never the private key", () =>
    withDirectory(async (directory) => {
      const settings = { DATA_DIR: directory, LOG_ORIGIN: "kept.test/log", LOG_SIGNING_KEY: "" };
      const first = await runCommand(settings, "log", "key");
      expect([first.exitCode, first.stderr]).toEqual([0, ""]);
      const kept = parseSignerKey((await Bun.file(join(directory, "log.key")).text()).trim());
      if (kept === undefined) throw new Error("log.key holds no key");
      expect(kept.name).toBe("kept.test/log");
      expect((await stat(join(directory, "log.key"))).mode & 0o777).toBe(0o600);
      expect(first.stdout).toBe(`${formatVerifierKey(verifierOf(kept))}\n`);
      expect((await runCommand(settings, "log", "key")).stdout).toBe(first.stdout);
    }));
});

interface Scene {
  readonly server: ServerProcess;
  readonly blobs: BlobStore;
  readonly database: DatabaseConfig;
  /** Runs `log accept-rollback --json`. */
  accept(...options: string[]): Promise<[exitCode: number, answer: object]>;
}

/**
 * Runs a registry as its own process. A registry that was closed in this process may still hold its
 * file.
 */
async function onServer(kind: DatabaseKind, work: (scene: Scene) => Promise<void>): Promise<void> {
  const url = kind === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
  await withDirectory(async (directory) => {
    const server = await prepareServer(directory, url);
    const config = readConfig(undefined, {
      ...{ DATA_DIR: directory, JWT_KEY: TEST_JWT_KEY, LOG_SIGNING_KEY: TEST_LOG_KEY },
      ...(url === undefined ? {} : { DATABASE_URL: url }),
    });
    const blobs = await openStore(config.storage, directory, openLogger("silent"));
    try {
      await server.start();
      const accept: Scene["accept"] = async (...options) => {
        const { exitCode, stdout } = await server.run("log", "accept-rollback", "--json", ...options);
        return [exitCode, JSON.parse(stdout)];
      };
      await work({ server, blobs, database: config.database, accept });
    } finally {
      await server.remove();
      await blobs.close();
    }
  });
  if (url !== undefined) await (await testPostgres()).dropDatabase(url);
}

describe.each(["sqlite", "postgres"] as const)("log accept-rollback (%s)", (kind) => {
  const longer = signNote(formatCheckpoint({ origin: signer.name, size: 9, root: Buffer.alloc(32) }), signer);
  const isReady = async ({ url }: ServerProcess) => (await fetch(`${url}/health/ready`)).ok;

  test("log accept-rollback shows both sizes, is refused while the registry runs, saves the old checkpoint and makes the log writable", () =>
    onServer(kind, async ({ server, blobs, database, accept }) => {
      await server.kill();
      await blobs.putSidecar(CHECKPOINT_COPY, longer);
      const sizes = { publishedSize: 9, foundSize: 0 };
      expect(await accept()).toEqual([1, { ...sizes, accepted: false }]);

      await server.start();
      expect(await isReady(server)).toBe(false);
      await waitUntil(() => isInUse(database), "the registry is known to run");
      expect(await accept("--yes")).toEqual([1, { ...sizes, accepted: false, refused: "registry_running" }]);
      expect(await blobs.readSidecar(CHECKPOINT_COPY)).toBe(longer);

      await server.kill();
      // Postgres lists a connection for a moment after its client has gone.
      await waitUntil(async () => !(await isInUse(database)), "the registry is known to be gone");
      expect(await accept("--yes")).toEqual([0, { ...sizes, accepted: true }]);
      await server.start();
      expect(await isReady(server)).toBe(true);
      expect(await blobs.readSidecar(CHECKPOINT_COPY)).toBe(await (await fetch(`${server.url}/log/checkpoint`)).text());
      expect(await blobs.readSidecar("log/checkpoint-before-rollback")).toBe(longer);
    }));

  test("log accept-rollback without a rollback is refused and leaves the checkpoint unchanged", () =>
    onServer(kind, async ({ server, blobs, accept }) => {
      const checkpoint = await (await fetch(`${server.url}/log/checkpoint`)).text();
      await server.kill();
      await blobs.putSidecar(CHECKPOINT_COPY, checkpoint);
      const refused = { publishedSize: null, foundSize: null, accepted: false };
      const [exitCode, answer] = await accept();
      expect([exitCode, answer]).toEqual([1, { ...refused, refused: "no_rollback" }]);
      expect(await blobs.readSidecar(CHECKPOINT_COPY)).toBe(checkpoint);
      expect(await blobs.readSidecar("log/checkpoint-before-rollback")).toBeUndefined();
    }));
});
