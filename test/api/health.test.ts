import { afterAll, describe, expect, test } from "bun:test";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Database } from "../../src/db/database.ts";
import { VERSION } from "../../src/runtime/version.ts";
import { Client } from "../support/client.ts";
import { startPostgres } from "../support/postgres.ts";
import { onBothDatabases, overriding, startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const PATHS = ["/health", "/health/ready"] as const;
/** A load balancer asks every few seconds. A later answer counts as none. */
const ANSWER_MAX_MS = 5_000;
const RECOVERY_MAX_MS = 10_000;

type Checks = { readonly database: "ok" | "failing"; readonly storage: "ok" | "failing" };

/** Compares the whole body, so that nothing internal can be in it. */
async function expectHealth({ url }: TestRegistry, checks: Checks): Promise<void> {
  const healthy = checks.database === "ok" && checks.storage === "ok";
  const guest = new Client(url);
  for (const path of PATHS) {
    const startedMs = performance.now();
    const { status, body, headers } = await guest.get(path);
    const expected = { status: healthy ? "ok" : "unhealthy", version: VERSION, checks };
    expect([path, status, body]).toEqual([path, healthy ? 200 : 503, expected]);
    expect(headers.get("content-type")).toStartWith("application/json");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(performance.now() - startedMs).toBeLessThan(ANSWER_MAX_MS);
  }
  const live = await guest.get("/health/live");
  expect([live.status, live.body]).toEqual([200, { status: "ok" }]);
}

/** Waits until a registry notices that its database came back. */
async function recovered({ url }: TestRegistry): Promise<void> {
  const isHealthy = async () => (await new Client(url).get("/health")).status === 200;
  await waitUntil(isHealthy, "the registry is healthy again", RECOVERY_MAX_MS);
}

onBothDatabases("health", (registry) => {
  const packages = () => join(registry().dataDir, "packages");

  test("a working registry reports to anybody, and to HEAD, that it is healthy, with its version", async () => {
    await expectHealth(registry(), { database: "ok", storage: "ok" });
    for (const path of [...PATHS, "/health/live"]) {
      const head = await fetch(registry().url + path, { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      const post = await new Client(registry().url).post(path);
      expect([post.status, post.body.code, post.headers.get("allow")]).toEqual([
        405,
        "method_not_allowed",
        "GET, HEAD",
      ]);
    }
  });

  test("a missing packages directory is reported as failing storage until it is back", async () => {
    const aside = `${packages()}-aside`;
    await rename(packages(), aside);
    await expectHealth(registry(), { database: "ok", storage: "failing" });
    await rename(aside, packages());
    await expectHealth(registry(), { database: "ok", storage: "ok" });
  });

  test("a file in place of the packages directory is reported as failing storage", async () => {
    const aside = `${packages()}-aside`;
    await rename(packages(), aside);
    await writeFile(packages(), "");
    await expectHealth(registry(), { database: "ok", storage: "failing" });
    await rm(packages());
    await rename(aside, packages());
    await expectHealth(registry(), { database: "ok", storage: "ok" });
  });

  test("a health check leaves no file behind", async () => {
    const files = await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: packages() }));
    expect(files).toEqual([]);
  });
});

test("hanging storage is reported as failing before a load balancer gives up", async () => {
  const hung: Promise<void> = new Promise(() => {});
  const registry = await startRegistry("sqlite", {
    override: ({ blobs }) => ({ blobs: overriding(blobs, { check: () => hung }) }),
  });
  try {
    await expectHealth(registry, { database: "ok", storage: "failing" });
  } finally {
    await registry.stop();
  }
});

test("a failing SQLite is reported as a failing database, without its message", async () => {
  let failing = true;
  const broken = (db: Database): Database => ({
    ...db,
    read: (work) => (failing ? Promise.reject(new Error("disk I/O error at /var/lib/secret.sqlite")) : db.read(work)),
  });
  const registry = await startRegistry("sqlite", { override: ({ db }) => ({ db: broken(db) }) });
  try {
    await expectHealth(registry, { database: "failing", storage: "ok" });
    await rename(join(registry.dataDir, "packages"), join(registry.dataDir, "aside"));
    await expectHealth(registry, { database: "failing", storage: "failing" });
    await rename(join(registry.dataDir, "aside"), join(registry.dataDir, "packages"));
    failing = false;
    await expectHealth(registry, { database: "ok", storage: "ok" });
  } finally {
    await registry.stop();
  }
});

describe("health on a Postgres that stops", async () => {
  const server = await startPostgres();
  const registry = await startRegistry("postgres", { env: { DATABASE_URL: server.url } });
  afterAll(async () => {
    server.thaw();
    await registry.stop();
    await server.remove();
  });

  for (const mode of ["fast", "immediate"] as const) {
    test(`a stopped Postgres (${mode}) is reported as a failing database until it is started again`, async () => {
      await expectHealth(registry, { database: "ok", storage: "ok" });
      await server.stop(mode);
      await expectHealth(registry, { database: "failing", storage: "ok" });
      await server.start();
      await recovered(registry);
      await expectHealth(registry, { database: "ok", storage: "ok" });
    });
  }

  test("a frozen Postgres is reported as a failing database before a load balancer gives up", async () => {
    server.freeze();
    await expectHealth(registry, { database: "failing", storage: "ok" });
    server.thaw();
    await recovered(registry);
    await expectHealth(registry, { database: "ok", storage: "ok" });
  });
});
