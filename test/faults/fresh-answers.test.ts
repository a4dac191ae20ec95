import { describe, expect, test } from "bun:test";
import postgres from "postgres";
import { makePackage } from "../support/archive-maker.ts";
import { Client } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { LONG } from "./chance.ts";
import { makePublishers, type Publisher } from "./driver.ts";
import { onScene } from "./scene.ts";
import { prepareServer } from "./server.ts";

/*
 * The response cache (http/response-cache.ts) must never send a package as it was more than one
 * second before the request. The process that made a change must not send the old state at all
 * after it answered the change.
 */

const NAME = "fresh";
const PATH = `/api/packages/${NAME}`;
/** Each round is a publish and a yank, so a document shows how many changes it includes. */
const ROUNDS = LONG ? 100 : 8;
const READERS_EACH = 3;
/** A pause that leaves the two cores to servers, database and other readers. */
const BREATH_MS = 2;
const KNOWN_WITHIN_MS = 1_000;
const BETWEEN_MS = 100;

interface Change {
  readonly url: string;
  readonly answeredMs: number;
}

interface Read {
  readonly url: string;
  readonly askedMs: number;
  readonly changesKnown: number;
}

interface Version {
  readonly yanked: boolean;
}

/** Publishes and yanks on each server in turn, and returns when each change was answered. */
async function change(urls: readonly string[], { client, key }: Publisher): Promise<Change[]> {
  const made: Change[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const url = urls[round % urls.length] ?? "";
    const at = new Client(url, client.token);
    const version = `1.${round}.0`;
    const published = await at.publish(NAME, version, makePackage({ name: NAME, version }), key);
    expect(published.status).toBe(201);
    made.push({ url, answeredMs: performance.now() });
    await Bun.sleep(BETWEEN_MS);
    expect((await at.send("DELETE", `${PATH}/${version}`)).status).toBe(200);
    made.push({ url, answeredMs: performance.now() });
    await Bun.sleep(BETWEEN_MS);
  }
  return made;
}

/**
 * Reads as fast as it can. Each request has its own connection, so that workers of one port take
 * turns.
 */
async function read(url: string, running: () => boolean): Promise<Read[]> {
  const reads: Read[] = [];
  while (running()) {
    await Bun.sleep(BREATH_MS);
    const askedMs = performance.now();
    const response = await fetch(url + PATH, { headers: { connection: "close" } });
    // The package is not published yet.
    if (response.status === 404) continue;
    const { versions } = (await response.json()) as { readonly versions: readonly Version[] };
    reads.push({ url, askedMs, changesKnown: versions.length + versions.filter(({ yanked }) => yanked).length });
  }
  return reads;
}

/**
 * The reads that miss a change which they had to include. With `isOne` each server is one process,
 * so its own changes must show at once.
 */
function staleOf(reads: readonly Read[], changes: readonly Change[], isOne: boolean): Read[] {
  return reads.filter(({ url, askedMs, changesKnown }) => {
    const known = (made: Change) =>
      made.answeredMs <= askedMs - KNOWN_WITHIN_MS || (isOne && made.url === url && made.answeredMs <= askedMs);
    return changesKnown <= changes.findLastIndex(known);
  });
}

async function hammer(urls: readonly string[], publisher: Publisher, isOne: boolean, meanwhile = async () => {}) {
  let isRunning = true;
  const readers = urls.flatMap((url) => Array.from({ length: READERS_EACH }, () => read(url, () => isRunning)));
  const changing = change(urls, publisher);
  await meanwhile();
  const changes = await changing;
  // Reads that begin now must report every change; earlier ones may be stale.
  await Bun.sleep(KNOWN_WITHIN_MS + 100);
  isRunning = false;
  const reads = (await Promise.all(readers)).flat();
  expect(staleOf(reads, changes, isOne)).toEqual([]);
  // The last reads include all changes. Otherwise nothing was tested.
  expect(reads.filter(({ changesKnown }) => changesKnown === 2 * ROUNDS).length).toBeGreaterThan(0);
  expect(reads.length).toBeGreaterThan(100);
}

async function onTwoServers(
  play: (urls: readonly string[], publisher: Publisher, databaseUrl: string) => Promise<void>,
): Promise<void> {
  await onScene("postgres", async ({ server }) => {
    const other = await prepareServer(server.dataDir, server.databaseUrl);
    try {
      await server.start();
      await other.start();
      const [publisher] = await makePublishers(server.url, 1);
      if (publisher === undefined || server.databaseUrl === undefined) throw new Error("Nobody to publish");
      await play([server.url, other.url], publisher, server.databaseUrl);
    } finally {
      await other.remove();
    }
  });
}

/** Process ids of the Postgres backends that servers listen on. */
async function listeners(sql: postgres.Sql): Promise<number[]> {
  const rows = await sql<{ pid: number }[]>`
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND (query LIKE 'LISTEN%' OR query LIKE '%pg_listening_channels()%')
      AND pid <> pg_backend_pid()`;
  return rows.map(({ pid }) => pid);
}

describe("freshness of reads while packages are published and yanked", () => {
  test(
    "no read is staler than a second on two servers on one Postgres",
    () => onTwoServers((urls, publisher) => hammer(urls, publisher, true)),
    300_000,
  );

  test("no read is staler than a second on two servers whose listening connections are cut again and again", async () => {
    await onTwoServers(async (urls, publisher, databaseUrl) => {
      const sql = postgres(databaseUrl, { max: 1 });
      let cut = 0;
      await hammer(urls, publisher, true, async () => {
        for (let time = 0; time < 8; time += 1) {
          // Connections are cut again and again while packages change.
          await Bun.sleep(300);
          for (const pid of await listeners(sql)) {
            cut += 1;
            await sql`SELECT pg_terminate_backend(${pid})`;
          }
        }
      });
      await sql.end();
      expect(cut).toBeGreaterThan(2);
    });
  }, 300_000);

  test("no read is staler than a second on two servers whose listening connections freeze", async () => {
    await onTwoServers(async (urls, publisher, databaseUrl) => {
      const sql = postgres(databaseUrl, { max: 1 });
      const frozen: number[] = [];
      try {
        await hammer(urls, publisher, true, async () => {
          await waitUntil(async () => (await listeners(sql)).length === 2, "both servers listen");
          frozen.push(...(await listeners(sql)));
          for (const pid of frozen) process.kill(pid, "SIGSTOP");
          // The freeze is the fault under test: longer than any response may be stale.
          await Bun.sleep(2_500);
        });
      } finally {
        for (const pid of frozen) process.kill(pid, "SIGCONT");
        await sql.end();
      }
      expect(frozen.length).toBe(2);
    });
  }, 300_000);

  test("no read is staler than a second on two workers on one SQLite file", async () => {
    await onScene("sqlite", async ({ server }) => {
      await server.start({ WORKERS: "2" });
      const [publisher] = await makePublishers(server.url, 1);
      if (publisher === undefined) throw new Error("Nobody to publish");
      await hammer([server.url], publisher, false);
    });
  }, 300_000);
});
