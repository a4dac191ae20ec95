import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expectProblem } from "../support/client.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";
import { LONG } from "./chance.ts";
import { check } from "./checker.ts";
import { startCommitCutter } from "./commit-cutter.ts";
import { archiveOf, drive, guestOf, makePublishers, publishIntent } from "./driver.ts";
import { isAcknowledged, readJournals } from "./journal.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/*
 * A fault of Postgres affects every publisher at once. The registry stays one process all the time.
 * The driver reports a caller as stuck after half a minute without an answer.
 * test/crash/postgres-restart.test.ts tests the deadlines in detail.
 */

const PUBLISHERS = 12;
const OUTAGE_MS = LONG ? 10_000 : 2_000;
/** Longer than the six seconds after which the registry gives up on Postgres. */
const FROZEN_MS = LONG ? 20_000 : 8_000;
const COMMITS_LOST = LONG ? 20 : 3;
const BEFORE_AND_AFTER = 40;

let home: string;
let postgres: PostgresServer;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "cpm-faults-"));
  postgres = await startPostgres();
});

afterAll(async () => {
  await postgres?.remove();
  rmSync(home, { recursive: true, force: true });
});

interface Faulty {
  readonly server: ServerProcess;
  readonly journals: string;
}

/**
 * A registry on an empty database of our Postgres. It connects through the URL `through`, if there
 * is a proxy.
 */
async function onServer(name: string, play: (faulty: Faulty) => Promise<void>): Promise<void> {
  const journals = join(home, `${name}-journals`);
  mkdirSync(journals);
  const server = await prepareServer(join(home, name), await databaseOf(name));
  try {
    await server.start();
    await play({ server, journals });
    expect(server.isRunning()).toBe(true);
  } finally {
    await server.remove();
  }
}

async function databaseOf(name: string): Promise<string> {
  const sql = new Bun.SQL(postgres.url, { max: 1 });
  await sql.unsafe(`CREATE DATABASE "${name}"`);
  await sql.end();
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * Lets `fault` happen while publishers publish. Some of them must be served before it and after it.
 */
async function underPublishers({ server, journals }: Faulty, seed: number, fault: () => Promise<void>): Promise<void> {
  const publishers = await makePublishers(server.url, PUBLISHERS);
  let served = 0;
  let running = true;
  const driven = drive({
    publishers,
    seed,
    journals,
    title: "outage",
    running: () => running,
    onLost: "retry",
    onNoted: (_, result) => {
      if (isAcknowledged({ result })) served += 1;
    },
  });
  await waitUntil(() => served >= BEFORE_AND_AFTER, "publishers are served");
  await fault();
  const servedBefore = served;
  await waitUntil(() => served >= servedBefore + BEFORE_AND_AFTER, "publishers are served again");
  running = false;
  await driven;
  const attempts = readJournals(journals);
  // The registry itself answers everything, also without a database: no connection is lost, and
  // nobody is stuck.
  expect(attempts.filter(({ result }) => typeof result !== "number")).toEqual([]);
  const { faults } = await check({ server, journals, publishers });
  expect(faults).toEqual([]);
}

/**
 * Repeats requests for as long as the fault under test lasts, with pauses that leave the machine to
 * publishers.
 */
async function repeatFor(lastsMs: number, ask: () => Promise<unknown>): Promise<void> {
  const endMs = performance.now() + lastsMs;
  for (; performance.now() < endMs; await Bun.sleep(100)) await ask();
}

describe("publishers while Postgres fails", () => {
  test(
    "publishers are answered in time and every 201 holds when Postgres crashes and restarts three times",
    () =>
      onServer("restarts", (faulty) =>
        underPublishers(faulty, 1, async () => {
          for (let time = 0; time < 3; time += 1) {
            await postgres.restart("immediate");
            await waitUntil(
              async () => (await guestOf(faulty.server.url).get("/health")).status === 200,
              "health is back",
            );
          }
        }),
      ),
    120_000,
  );

  test(
    `publishers are answered in time and every 201 holds when Postgres is away for ${OUTAGE_MS / 1_000} s`,
    () =>
      onServer("outage", (faulty) =>
        underPublishers(faulty, 2, async () => {
          const guest = guestOf(faulty.server.url);
          await postgres.stop("immediate");
          await repeatFor(OUTAGE_MS, async () => {
            expect((await guest.get("/health/live")).status).toBe(200);
            expect((await guest.get("/health")).body.checks.database).toBe("failing");
            const answer = await guest.get("/api/packages");
            expectProblem(answer, 503, "database_unavailable");
            expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
          });
          await postgres.start();
        }),
      ),
    120_000,
  );

  test(
    `publishers are answered in time and every 201 holds when Postgres is frozen for ${FROZEN_MS / 1_000} s`,
    () =>
      onServer("frozen", (faulty) =>
        underPublishers(faulty, 3, async () => {
          postgres.freeze();
          await repeatFor(FROZEN_MS, async () => {
            expect((await guestOf(faulty.server.url).get("/health/live")).status).toBe(200);
          });
          postgres.thaw();
        }),
      ),
    120_000,
  );
});

test(
  `a publish whose COMMIT is not confirmed answers 503, and the same publish again 200, ${COMMITS_LOST} times`,
  async () => {
    const databaseUrl = await databaseOf("commits");
    const cutter = await startCommitCutter(databaseUrl);
    const journals = join(home, "commits-journals");
    mkdirSync(journals);
    const server = await prepareServer(join(home, "commits"), cutter.url);
    try {
      await server.start();
      const [publisher] = await makePublishers(server.url, 1);
      if (publisher === undefined) throw new Error("Nobody can publish");
      for (let time = 1; time <= COMMITS_LOST; time += 1) {
        const intent = { name: "lost", version: `1.0.${time}`, variant: 0 };
        cutter.arm();
        const lost = await publisher.client.publish(intent.name, intent.version, archiveOf(intent), publisher.key);
        expect(cutter.cuts()).toBe(time);
        expectProblem(lost, 503, "database_unavailable");
        expect(Number(lost.headers.get("retry-after"))).toBeGreaterThan(0);
        const again = await publishIntent(publisher, { ...intent, sha256: "", publisher: 0 });
        expect([again.result, JSON.parse(again.body).version]).toEqual([200, intent.version]);
      }
      // The same under many publishers: answers are lost again and again, and no version is.
      let noted = 0;
      const publishers = await makePublishers(server.url, PUBLISHERS);
      await drive({
        publishers,
        seed: 4,
        journals,
        title: "storm",
        running: () => noted < 20 * COMMITS_LOST,
        onLost: "retry",
        onNoted: () => {
          noted += 1;
          if (noted % 10 === 0) cutter.arm();
        },
      });
      cutter.disarm();
      expect(cutter.cuts()).toBeGreaterThan(COMMITS_LOST);
      expect(readJournals(journals).filter(({ result }) => typeof result !== "number")).toEqual([]);
      const { faults } = await check({ server, journals, databaseUrl, publishers });
      expect(faults.filter((fault) => !/^lost\/1\.0\.\d+ was never published$/.test(fault))).toEqual([]);
      expect(server.isRunning()).toBe(true);
    } finally {
      await server.remove();
      await cutter.close();
    }
  },
  LONG ? 300_000 : 60_000,
);
