import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { clientOptions, SESSION_SETTINGS } from "../../src/db/postgres/client-options.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, type Json, makeKey, newAccount } from "../support/client.ts";
import { testPostgres } from "../support/postgres.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/**
 * Defaults of a database that would each break the registry, or swap the day and month of dates.
 */
const ODD_DEFAULTS = [
  {
    DateStyle: "german",
    TimeZone: "Asia/Kathmandu",
    search_path: "",
    default_transaction_isolation: "serializable",
    statement_timeout: "1ms",
    standard_conforming_strings: "off",
    bytea_output: "escape",
  },
  {
    DateStyle: "sql, dmy",
    TimeZone: "<+14>-14",
    search_path: "elsewhere, public",
    default_transaction_isolation: "repeatable read",
    lock_timeout: "1ms",
    IntervalStyle: "iso_8601",
  },
];

async function onDatabase(url: string, ...statements: string[]): Promise<void> {
  const client = postgres(url, { max: 1, onnotice: () => undefined });
  for (const statement of statements) await client.unsafe(statement);
  await client.end();
}

const nameIn = (url: string) => new URL(url).pathname.slice(1);

/**
 * Publishes, reads, searches and yanks. Returns all that is shown of it, without what differs by
 * chance.
 */
/** Events on Postgres appear once no transaction that began before them is open. */
async function settledEvents(read: (path: string) => Promise<Json>): Promise<Json[]> {
  for (;;) {
    const { items } = await read("/api/packages/dated/events");
    // The yank is the last change, and events appear in the order of their transactions.
    if (items.at(-1)?.kind === "version.yanked") return items;
    await Bun.sleep(20);
  }
}

async function exercise(registry: TestRegistry): Promise<Json> {
  registry.now = new Date("2026-03-04T05:06:07.089Z");
  const client = await newAccount(registry, "dater");
  const key = makeKey();
  for (const version of ["1.0.0", "1.1.0"]) {
    const files = { "README.md": "back\\slash and 'quotes'" };
    const answer = await client.publish("dated", version, makePackage({ name: "dated", version, files }), key);
    expect(answer.status).toBe(201);
  }
  expect((await client.send("DELETE", "/api/packages/dated/1.0.0", { reason: "other" })).status).toBe(200);
  const read = async (path: string) => (await client.get(path)).body;
  const { createdAt, updatedAt, versions } = await read("/api/packages/dated");
  const tokens = await client.post("/api/auth/tokens", { label: "t", scopes: ["read"] });
  return {
    times: [createdAt, updatedAt, ...versions.map(({ publishedAt }: Json) => publishedAt)],
    yanked: versions.map(({ yanked }: Json) => yanked),
    found: (await read("/api/packages?search=dated&sort=updated")).items.map(
      ({ latestPublishedAt }: Json) => latestPublishedAt,
    ),
    readme: (await client.get("/api/packages/dated/1.1.0/readme")).text,
    tokenExpires: tokens.body.expiresAt,
    events: (await settledEvents(read)).map(({ at }: Json) => at),
  };
}

describe("the defaults of a Postgres database do not change what the registry does", () => {
  let expected: Json;
  beforeAll(async () => {
    const registry = await startRegistry("postgres");
    expected = await exercise(registry);
    await registry.stop();
  });

  test.each(ODD_DEFAULTS)("$DateStyle, $TimeZone, search_path '$search_path'", async (defaults) => {
    const server = await testPostgres();
    const url = await server.createDatabase();
    const settings = Object.entries(defaults).map(([name, value]) => {
      const text = name === "search_path" && value !== "" ? value : `'${value}'`;
      return `ALTER DATABASE "${nameIn(url)}" SET ${name} = ${text}`;
    });
    await onDatabase(url, "CREATE SCHEMA elsewhere", ...settings);
    const registry = await startRegistry("postgres", { env: { DATABASE_URL: url } });
    try {
      expect(expected.times[0]).toBe("2026-03-04T05:06:07.089Z");
      expect(await exercise(registry)).toEqual(expected);
    } finally {
      await registry.stop();
      await server.dropDatabase(url);
    }
  });
});

test("every setting of a session is what the registry asked for", async () => {
  const registry = await startRegistry("postgres");
  const { database } = registry.deps.config;
  if (database.kind !== "postgres") throw new Error("Not a Postgres");
  const client = postgres({ ...clientOptions(database.connection), max: 1 });
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) {
    const [row] = await client.unsafe(`SELECT current_setting('${name}') AS now`);
    expect([name, row?.now]).toEqual([name, value]);
  }
  await client.end();
  await registry.stop();
});

test("pg_trgm in extensions is found, and in another schema it is refused at start with the way to move it", async () => {
  const server = await testPostgres();
  const url = await server.createDatabase();
  await onDatabase(
    url,
    "CREATE SCHEMA extensions",
    "CREATE SCHEMA tools",
    "CREATE EXTENSION pg_trgm SCHEMA extensions",
  );
  const registry = await startRegistry("postgres", { env: { DATABASE_URL: url } });
  await exercise(registry);
  expect((await new Client(registry.url).get("/api/packages?search=datde")).status).toBe(200);
  await registry.stop();
  await onDatabase(url, "ALTER EXTENSION pg_trgm SET SCHEMA tools");
  const refused = startRegistry("postgres", { env: { DATABASE_URL: url } });
  await expect(refused).rejects.toThrow("ALTER EXTENSION pg_trgm SET SCHEMA public");
  await server.dropDatabase(url);
});

describe("a Postgres that turns read-only", () => {
  let registry: TestRegistry;
  let url: string;
  const readOnly = async (value: "on" | "off") => {
    const { url: server } = await testPostgres();
    await onDatabase(
      server,
      `ALTER DATABASE "${nameIn(url)}" SET default_transaction_read_only = ${value}`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${nameIn(url)}'`,
    );
  };
  beforeAll(async () => {
    url = await (await testPostgres()).createDatabase();
    registry = await startRegistry("postgres", { env: { DATABASE_URL: url } });
  });
  afterAll(async () => {
    await registry.stop();
    await (await testPostgres()).dropDatabase(url);
  });

  test("refuses writes with 503, is not ready, reads on, and recovers by itself; a server starts on it, too", async () => {
    const guest = new Client(registry.url);
    const client = await newAccount(registry);
    const key = makeKey();
    const publish = (version: string) =>
      client.publish("standby", version, makePackage({ name: "standby", version }), key);
    expect((await publish("1.0.0")).status).toBe(201);
    await readOnly("on");
    await waitUntil(async () => (await guest.get("/api/packages/standby")).status === 200, "reads work");
    for (const answer of [
      await publish("1.1.0"),
      await client.post("/api/auth/tokens", { label: "t", scopes: ["read"] }),
    ]) {
      expectProblem(answer, 503, "database_unavailable");
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    const health = await guest.get("/health/ready");
    expect([health.status, health.body.checks.database]).toEqual([503, "failing"]);
    expect(health.body.reasons).toEqual(["The database accepts no writes: the database is read-only (25006)."]);
    expect((await guest.get("/api/packages/standby/1.0.0/download")).status).toBe(200);

    const second = await startRegistry("postgres", { env: { DATABASE_URL: url } });
    expect((await new Client(second.url).get("/api/packages/standby")).status).toBe(200);
    await second.stop();

    await readOnly("off");
    await waitUntil(async () => (await guest.get("/health/ready")).status === 200, "the registry is ready again");
    expect((await publish("1.1.0")).status).toBe(201);
    expect((await guest.get("/health")).body.reasons).toBeUndefined();
  });

  test("is named at the start if it has no tables yet", async () => {
    const server = await testPostgres();
    const empty = await server.createDatabase();
    await onDatabase(server.url, `ALTER DATABASE "${nameIn(empty)}" SET default_transaction_read_only = on`);
    const started = startRegistry("postgres", { env: { DATABASE_URL: empty } });
    await expect(started).rejects.toThrow("The database is read-only, and migrations are pending.");
    await server.dropDatabase(empty);
  });
});
