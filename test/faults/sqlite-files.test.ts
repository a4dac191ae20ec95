import { Database as BunDatabase } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { copyFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { damagedCopy } from "../support/damaged-database.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/* What happens to the files of SQLite while the registry runs. */

const MIB = 1_048_576;

async function onRegistry(play: (registry: TestRegistry, publish: Publish) => Promise<void>): Promise<void> {
  const registry = await startRegistry("sqlite");
  try {
    const client = await newAccount(registry);
    const key = makeKey();
    const publish: Publish = (version) =>
      client.publish("filed", version, makePackage({ name: "filed", version }), key);
    expect((await publish("1.0.0")).status).toBe(201);
    await play(registry, publish);
  } finally {
    await registry.stop();
  }
}

type Publish = (version: string) => ReturnType<Client["publish"]>;

/** Faults by the file that they hit. */
const LOST_FILES: Readonly<Record<string, (path: string) => void>> = {
  "registry.db deleted": (path) => rmSync(path),
  "registry.db replaced": (path) => {
    copyFileSync(path, `${path}-copy`);
    renameSync(`${path}-copy`, path);
  },
  "registry.db-wal deleted": (path) => rmSync(`${path}-wal`),
  "registry.db-shm deleted": (path) => rmSync(`${path}-shm`),
};

describe("a running registry with", () => {
  test.each(Object.keys(LOST_FILES))("%s acknowledges no write, reads on, and its health names the file", (fault) =>
    onRegistry(async (registry, publish) => {
      const guest = new Client(registry.url);
      LOST_FILES[fault]?.(join(registry.dataDir, "registry.db"));
      expectProblem(await publish("1.1.0"), 503, "database_unavailable");
      const { status, body } = await guest.get("/health/ready");
      const [name] = fault.split(" ");
      expect([status, body.checks.database]).toEqual([503, "failing"]);
      expect(body.reasons).toEqual([expect.stringContaining(`${name} was deleted or replaced`)]);
      expect(registry.deps.logger.counts.get("database_replaced")).toBe(1);
      expect((await guest.get("/api/packages/filed/1.0.0/download")).status).toBe(200);
    }),
  );

  test("registry.db moved away is not written until the file is back", () =>
    onRegistry(async (registry, publish) => {
      const path = join(registry.dataDir, "registry.db");
      renameSync(path, `${path}-aside`);
      const health = async () => (await new Client(registry.url).get("/health/ready")).status;
      // Nobody writes: the files are also watched.
      await waitUntil(async () => (await health()) === 503, "health notices it");
      expectProblem(await publish("1.1.0"), 503, "database_unavailable");
      renameSync(`${path}-aside`, path);
      await waitUntil(async () => (await health()) === 200, "health notices that it is back");
      expect((await publish("1.2.0")).status).toBe(201);
    }));

  test("a WAL that cannot be copied into the database reports it, and empties it afterwards", () =>
    onRegistry(async (registry, publish) => {
      const path = join(registry.dataDir, "registry.db");
      const walBytes = () => statSync(`${path}-wal`).size;
      const reader = new BunDatabase(path);
      reader.run("BEGIN");
      reader.query("SELECT count(*) FROM versions").get();
      await registry.deps.db.write(({ rows }) => rows(sql`CREATE TABLE filler (bytes blob)`));
      while (walBytes() < 34 * MIB)
        await registry.deps.db.write(({ rows }) => rows(sql`INSERT INTO filler VALUES (randomblob(4000000))`));
      const reasons = async () => (await new Client(registry.url).get("/health")).body.reasons;
      await waitUntil(async () => (await reasons()) !== undefined, "health reports the WAL");
      expect(await reasons()).toEqual([expect.stringContaining("registry.db-wal grows")]);
      expect(registry.deps.logger.counts.get("checkpoint_failing")).toBeGreaterThan(0);
      // Writes go on meanwhile.
      expect((await publish("1.1.0")).status).toBe(201);
      reader.close();
      await waitUntil(async () => (await reasons()) === undefined, "the WAL is copied");
      expect(walBytes()).toBeLessThan(MIB);
    }));
});

test("a damaged table is answered with database_corrupt, and health and log tell it", () =>
  onRegistry(async (registry) => {
    const directory = damagedCopy(registry.dataDir, "packages");
    const damaged = await startRegistry("sqlite", { env: { DATA_DIR: directory } });
    try {
      const guest = new Client(damaged.url);
      expectProblem(await guest.get("/api/packages/filed"), 500, "database_corrupt");
      const { status, body } = await guest.get("/health/ready");
      expect([status, body.checks.database]).toEqual([503, "failing"]);
      expect(body.reasons).toEqual([expect.stringContaining("The database is damaged (SQLITE_CORRUPT)")]);
      expect(damaged.deps.logger.counts.get("database_corrupt")).toBe(1);
    } finally {
      await damaged.stop();
      rmSync(directory, { recursive: true });
    }
  }));
