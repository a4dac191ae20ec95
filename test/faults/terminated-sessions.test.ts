import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { makePackage } from "../support/archive-maker.ts";
import { Client, makeKey, newAccount } from "../support/client.ts";
import { testPostgres } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";
import { LONG } from "./chance.ts";
import { prepareServer } from "./server.ts";

const TERMINATED_MS = LONG ? 20_000 : 3_000;
const READERS = 8;

test("a server whose Postgres sessions are terminated in a loop logs nothing but JSON, and few lines of it", async () => {
  const home = mkdtempSync(join(tmpdir(), "cpm-faults-"));
  const server = await testPostgres();
  const url = await server.createDatabase();
  const registry = await prepareServer(join(home, "data"), url, { LOG_LEVEL: "warn" });
  const admin = postgres(server.url, { max: 1, onnotice: () => undefined });
  let isRunning = true;
  try {
    await registry.start();
    const client = await newAccount(registry);
    const key = makeKey();
    const publish = (version: string) =>
      client.publish("looped", version, makePackage({ name: "looped", version }), key);
    expect((await publish("1.0.0")).status).toBe(201);
    const statuses = new Set<number>();
    const callers = Array.from({ length: READERS }, async (_, caller) => {
      const own = new Client(registry.url);
      for (let round = 0; isRunning; round += 1) {
        const path = ["/api/packages?search=looped", "/health", "/api/packages/looped/events"][round % 3] ?? "";
        statuses.add((await (caller === 0 ? publish(`1.${round}.1`) : own.get(path))).status);
      }
    });
    const database = new URL(url).pathname.slice(1);
    const endMs = performance.now() + TERMINATED_MS;
    while (performance.now() < endMs) {
      await admin`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${database}`;
    }
    isRunning = false;
    await Promise.all(callers);
    expect([...statuses].filter((status) => ![200, 201, 429, 503].includes(status))).toEqual([]);
    const isReady = async () => (await new Client(registry.url).get("/health/ready")).status === 200;
    await waitUntil(isReady, "the registry is ready again");
    expect((await publish("2.0.0")).status).toBe(201);
    const lines = registry.errorLines();
    const kinds = lines.map((line) => (line.startsWith("{") ? JSON.parse(line).event : line));
    expect(kinds.filter((kind) => !/^[a-z_]+$/.test(kind))).toEqual([]);
    const counts = Object.values(Object.groupBy(kinds, (kind) => kind)).map((same) => same?.length ?? 0);
    expect(Math.max(0, ...counts)).toBeLessThanOrEqual(1 + Math.ceil(TERMINATED_MS / 60_000));
  } finally {
    isRunning = false;
    await registry.remove();
    await admin.end();
    await server.dropDatabase(url);
    rmSync(home, { recursive: true, force: true });
  }
}, 120_000);
