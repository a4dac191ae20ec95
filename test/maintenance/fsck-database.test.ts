import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { parsePostgresConnection } from "../../src/config/connection.ts";
import { checkIntegrity } from "../../src/db/integrity.ts";
import { prepareServer } from "../faults/server.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { damagedCopy, damagePage, sqliteObjects } from "../support/damaged-database.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const POSTGRES_PAGE_BYTES = 8_192;

async function fill(registry: TestRegistry): Promise<void> {
  const client = await newAccount(registry);
  const key = makeKey();
  for (const version of ["1.0.0", "1.1.0"]) {
    const answer = await client.publish("whole", version, makePackage({ name: "whole", version, tags: ["a"] }), key);
    expect(answer.status).toBe(201);
  }
}

describe("the check of a SQLite database", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry("sqlite");
    await fill(registry);
  });
  afterAll(() => registry.stop());

  test("finds nothing in a whole one, and an overwritten page in every table and index", async () => {
    const path = join(registry.dataDir, "registry.db");
    expect(await checkIntegrity({ kind: "sqlite", path })).toEqual({ problems: [] });
    const names = sqliteObjects(path).map(({ name }) => name);
    expect(names.length).toBeGreaterThan(60);
    const missed: string[] = [];
    for (const name of names) {
      const directory = damagedCopy(registry.dataDir, name);
      const { problems } = await checkIntegrity({ kind: "sqlite", path: join(directory, "registry.db") });
      if (problems.length === 0) missed.push(name);
      rmSync(directory, { recursive: true });
    }
    expect(missed).toEqual([]);
  });

  test("finds a reference to a missing row, and text that is not JSON", async () => {
    const directory = mkdtempSync(join(tmpdir(), "cpm-damaged-"));
    const path = join(directory, "registry.db");
    const original = new Database(join(registry.dataDir, "registry.db"));
    original.run(`VACUUM INTO '${path}'`);
    original.close();
    const copy = new Database(path);
    copy.run("PRAGMA foreign_keys = OFF");
    copy.run("UPDATE events SET details = 'no JSON' WHERE id = (SELECT min(id) FROM events)");
    copy.run("UPDATE package_owners SET user_id = 'nobody'");
    expect((await checkIntegrity({ kind: "sqlite", path })).problems).toEqual([
      expect.stringMatching(/^row \d+ of package_owners refers to a missing row of users$/),
      expect.stringMatching(/^details of row \d+ of events is not JSON$/),
    ]);
    copy.close();
    rmSync(directory, { recursive: true });
  });

  test("ends fsck with 1, in words and as JSON, also where the archives cannot be compared", async () => {
    for (const name of ["users", "versions"]) {
      const directory = damagedCopy(registry.dataDir, name);
      const server = await prepareServer(directory);
      try {
        const text = await server.run("fsck");
        expect([text.exitCode, text.stdout]).toEqual([1, expect.stringContaining("The database is damaged:")]);
        const json = await server.run("fsck", "--json");
        expect([json.exitCode, JSON.parse(json.stdout).database.problems.length > 0]).toEqual([1, true]);
      } finally {
        await server.remove();
        rmSync(directory, { recursive: true });
      }
    }
  });
});

describe("the check of a Postgres database", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    const registry = await startRegistry("postgres", { env: { DATABASE_URL: server.url } });
    await fill(registry);
    await registry.stop();
  });
  afterAll(() => server?.remove());

  const check = (url = server.url) => {
    const connection = parsePostgresConnection(url);
    if (typeof connection === "string") throw new Error(connection);
    return checkIntegrity({ kind: "postgres", connection });
  };

  /** Overwrites pages of relations while the server does not run. */
  async function damage(pages: Readonly<Record<string, number>>): Promise<void> {
    const client = postgres(server.url, { max: 1 });
    const paths: [string, number][] = [];
    for (const [name, page] of Object.entries(pages)) {
      const [row] =
        await client`SELECT current_setting('data_directory') || '/' || pg_relation_filepath(${name}) AS path`;
      paths.push([String(row?.path), page]);
    }
    await client`CHECKPOINT`;
    await client.end();
    await server.stop("fast");
    for (const [path, page] of paths) damagePage(path, page, POSTGRES_PAGE_BYTES);
    await server.start();
  }

  test("finds nothing in a whole one and leaves no extension behind; without amcheck it says so", async () => {
    expect(await check()).toEqual({ problems: [] });
    const client = postgres(server.url, { max: 1, onnotice: () => undefined });
    expect(await client`SELECT extname FROM pg_extension WHERE extname = 'amcheck'`).toHaveLength(0);
    await client.unsafe("CREATE ROLE plain LOGIN PASSWORD 'plain'");
    await client.unsafe("GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain");
    await client.end();
    const url = new URL(server.url);
    [url.username, url.password] = ["plain", "plain"];
    expect(await check(url.href)).toEqual({ problems: [], unchecked: expect.stringContaining("amcheck") });
  });

  test("finds an overwritten page of a table and of an index", async () => {
    await damage({ events: 0, packages_pkey: 1 });
    const { problems } = await check();
    expect(problems).toContain("rows of events cannot be read (XX001)");
    expect(problems.filter((text) => text.includes("packages_pkey"))).toEqual([
      expect.stringMatching(/^the index packages_pkey is damaged \(XX00[12]\)$/),
    ]);
  });
});
