import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testPostgres } from "../support/postgres.ts";
import { type OwnS3, s3Missing, startOwnS3 } from "../support/s3.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { check } from "./checker.ts";
import { drive, guestOf, makePublishers, type Publisher } from "./driver.ts";
import { isAcknowledged, readJournals } from "./journal.ts";
import { withSeed } from "./scene.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/*
 * Registries on one real S3 server and one Postgres. A fault of one of the three must not break a
 * promise of the others.
 */

const PUBLISHERS = 8;

interface S3Scene {
  readonly s3: OwnS3;
  readonly servers: readonly ServerProcess[];
  readonly journals: string;
  /**
   * A directory with the objects of the bucket, laid out as the DATA_DIR of a registry with
   * archives in files.
   */
  readonly view: string;
}

/**
 * Runs `play` with `count` registries, which are not started yet, on one bucket and one database.
 */
async function onS3(count: number, play: (scene: S3Scene) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cpm-faults-s3-"));
  const postgres = await testPostgres();
  const databaseUrl = await postgres.createDatabase();
  const servers: ServerProcess[] = [];
  let s3: OwnS3 | undefined;
  try {
    s3 = await startOwnS3();
    const bucket = await s3.createBucket();
    const settings = { ...s3.settings(bucket), STORAGE_TIMEOUT_MS: "1000" };
    const [journals, view] = [join(home, "journals"), join(home, "view")];
    for (const directory of [journals, view]) mkdirSync(directory);
    symlinkSync(s3.pathOf(bucket, "") ?? "", join(view, "packages"));
    for (let number = 1; number <= count; number += 1) {
      servers.push(await prepareServer(join(home, `data-${number}`), databaseUrl, settings));
    }
    await play({ s3, servers, journals, view });
  } finally {
    for (const server of servers) await server.remove();
    await s3?.server.remove();
    await postgres.dropDatabase(databaseUrl);
    rmSync(home, { recursive: true, force: true });
  }
}

/** The server with this index in the scene. */
function serverOf({ servers }: S3Scene, at: number): ServerProcess {
  const server = servers[at];
  if (server === undefined) throw new Error("No such server");
  return server;
}

/**
 * The findings of a check, except those that are right on S3: the object of the health check, and
 * answers to its faults.
 */
async function faultsOf(scene: S3Scene, server: ServerProcess, publishers: readonly Publisher[]) {
  const { journals, view } = scene;
  const verdict = await check({ server: { ...server, dataDir: view }, journals, publishers });
  const faults = verdict.faults.filter(
    (fault) => !/^check is none of|^a publish of \S+ got 50[24]: .*"storage_/.test(fault),
  );
  return { ...verdict, faults };
}

/** Waits until `count` more publishes are acknowledged. */
async function acknowledgedMore(journals: string, count: number): Promise<void> {
  const acknowledged = () => readJournals(journals).filter(isAcknowledged).length;
  const before = acknowledged();
  await waitUntil(() => acknowledged() >= before + count, `${count} more acknowledged publishes`);
}

describe.skipIf(s3Missing !== undefined)("a registry on S3", () => {
  // The short form has the failpoints that only S3 has, and those that leave an orphan in the
  // bucket. The others are the same as on files.
  const all = ["publish.received", "publish.verified", "publish.inserted", "publish.recorded"];
  const points = ["blob.uploaded", "publish.stored", ...(LONG ? all : [])];
  for (const point of points) {
    for (const seed of seeds(LONG ? 20 : 1)) {
      test(`a registry on S3 that is killed at ${point} keeps every 201, and shows no version without its blob (seed ${seed})`, () =>
        withSeed(seed, () =>
          onS3(1, async (scene) => {
            const server = serverOf(scene, 0);
            await server.start();
            const publishers = await makePublishers(server.url, PUBLISHERS);
            await server.kill();
            const hit = new Chance(seed).between(1, 12);
            await server.start({ FAILPOINTS: `${point}=kill@${hit}`, NODE_ENV: "test" });
            await drive({ publishers, seed, journals: scene.journals, title: "k", running: server.isRunning });
            expect((await server.ended()).signal).toBe("SIGKILL");
            await server.start();
            expect((await faultsOf(scene, server, publishers)).faults).toEqual([]);
          }),
        ));
    }
  }

  /* The pauses are the faults under test: how long the storage is away. */
  const outages: [string, (s3: OwnS3, lastsMs: number) => Promise<void>][] = [
    [
      "freezes",
      async ({ server }, lastsMs) => {
        await server.freeze();
        await Bun.sleep(lastsMs);
        server.thaw();
      },
    ],
    [
      "is killed",
      async ({ server }, lastsMs) => {
        await server.kill();
        await Bun.sleep(lastsMs);
        await server.start();
      },
    ],
  ];
  for (const [what, happens] of outages) {
    test(`a registry whose S3 storage ${what} for some seconds answers everybody, and recovers by itself`, () =>
      onS3(1, async (scene) => {
        const { journals, s3 } = scene;
        const server = serverOf(scene, 0);
        await server.start();
        const publishers = await makePublishers(server.url, PUBLISHERS);
        let running = true;
        const driven = drive({ publishers, seed: 1, journals, title: "o", running: () => running });
        await acknowledgedMore(journals, 10);
        await happens(s3, LONG ? 20_000 : 3_000);
        await acknowledgedMore(journals, 10);
        running = false;
        await driven;
        expect(server.isRunning()).toBe(true);
        const failed = readJournals(journals).filter(({ result }) => typeof result === "number" && result >= 500);
        expect(failed.length).toBeGreaterThan(0);
        expect(failed.filter(({ body }) => !/"code":"(?:storage_\w+|busy)"/.test(body))).toEqual([]);
        expect((await faultsOf(scene, server, publishers)).faults).toEqual([]);
      }));
  }

  test("one of two registries on S3 serves every request when the other is killed", () =>
    onS3(2, async (scene) => {
      const { journals } = scene;
      const [killed, left] = [serverOf(scene, 0), serverOf(scene, 1)];
      await Promise.all([killed.start(), left.start()]);
      const onKilled = await makePublishers(killed.url, PUBLISHERS);
      const onLeft = await makePublishers(left.url, PUBLISHERS);
      let running = true;
      const driven = [
        drive({ publishers: onKilled, seed: 1, journals, title: "killed", running: killed.isRunning }),
        drive({ publishers: onLeft, seed: 2, journals, title: "left", running: () => running }),
      ];
      await acknowledgedMore(journals, 20);
      await killed.kill();
      const before = readJournals(journals).filter(isAcknowledged);
      await acknowledgedMore(journals, 20);
      // The server that is left has everything that either of them acknowledged.
      for (const { name, version } of before) {
        const { status } = await guestOf(left.url).get(`/api/packages/${name}/${version}/download`);
        expect([name, version, status]).toEqual([name, version, 200]);
      }
      running = false;
      await Promise.all(driven);
      const refused = readJournals(journals).filter(
        ({ name, result }) => name.startsWith("left") && ![200, 201, 409].includes(Number(result)),
      );
      expect(refused).toEqual([]);
      expect((await faultsOf(scene, left, [])).faults).toEqual([]);
    }));
});
