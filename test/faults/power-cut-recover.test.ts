import { Database } from "bun:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { LosingRegistry } from "../recovery/scene.ts";
import { shown } from "../recovery/shown.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Verifier } from "../verify/scene.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { check } from "./checker.ts";
import { cutDuring, type Moment } from "./cut-command.ts";
import { drive, guestOf, makePublishers } from "./driver.ts";
import { isAcknowledged, readJournals } from "./journal.ts";
import { type Disk, makeDisk, reasonAgainstPowerCuts } from "./power-cut.ts";
import { withSeed } from "./scene.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/* A power cut of `log recover`, and of a server whose database is yesterday's afterwards. */

const RANDOM_CUTS = LONG ? 40 : 2;
const SERVER_CUTS = LONG ? 40 : 1;
/** A recovery ends within this time on a machine that has nothing else to do. */
const COMMAND_MAX_MS = 1_500;
/** More than a full bundle of the log, so that a recovery writes tiles. */
const VERSIONS = 260;
const PACKAGES = ["one", "two"];
const MOMENTS: readonly [string, Moment][] = [
  ["recover.tiles", 1],
  ["recover.switched", 1],
  ["recover.replaying", 2],
  ["recover.replayed", 2],
].map(([point, hit]): [string, Moment] => [`at ${point} (hit ${hit})`, { point, hit } as Moment]);
const PUBLISHERS = 4;

const reason = reasonAgainstPowerCuts();
if (reason !== undefined) console.warn(`Skipped: no power can be cut here, ${reason}`);

describe.skipIf(reason !== undefined)("a power cut of a recovery", () => {
  let disk: Disk;
  let registry: LosingRegistry;
  let auditor: Verifier;
  let published: Record<string, string>;
  const audit = () => auditor.ask("log", "audit", "--registry", registry.url, "--archives");

  beforeAll(async () => {
    disk = makeDisk(128);
    registry = await LosingRegistry.make("sqlite", "files", disk.path);
    auditor = await Verifier.make();
    await registry.start();
    const [alice, key] = [await newAccount(registry, "alice"), makeKey()];
    const publish = async (name: string, version: string) =>
      expect((await alice.publish(name, version, makePackage({ name, version }), key)).status).toBe(201);
    for (const name of PACKAGES) await publish(name, "1.0.0");
    await registry.snapshot();
    for (let n = 1; n <= VERSIONS / 2; n += 1) await Promise.all(PACKAGES.map((name) => publish(name, `1.0.${n}`)));
    expect((await alice.send("DELETE", "/api/packages/one/1.0.1")).status).toBe(200);
    await registry.announced();
    published = await shown(registry.url, PACKAGES, 3);
    expect((await audit()).exitCode).toBe(0);
    await registry.stop();
  }, 120_000);
  afterAll(async () => {
    await registry.remove();
    await auditor.remove();
    disk.remove();
  });

  const moments: readonly [string, Moment][] = [
    ...MOMENTS,
    ["right after its end", "its end"],
    ...seeds(RANDOM_CUTS).map((seed): [string, Moment] => [
      `at a random time (seed ${seed})`,
      { afterMs: new Chance(seed).between(300, COMMAND_MAX_MS) },
    ]),
  ];
  test.each(moments)(
    "%s ends with the same log and the same answers, once it is run again",
    async (_, moment) => {
      await registry.restore();
      Bun.spawnSync(["sync", "--file-system", disk.path]);
      const args = ["log", "recover", "--json"];
      const done = await cutDuring(disk, { settings: registry.settings, args }, moment);
      const again = await registry.recover();
      if (done !== undefined) expect([done.stderr, done.exitCode, again]).toEqual(["", 0, undefined]);
      await registry.start();
      expect(await shown(registry.url, PACKAGES, 3)).toEqual(published);
      const checked = await checkStore(registry.deps, { repair: false, report: () => undefined });
      expect([checked.problems.items, checked.orphans.count]).toEqual([[], 0]);
      expect(await audit()).toMatchObject({ exitCode: 0, codes: [] });
      await registry.stop();
    },
    120_000,
  );
});

/** A server on a disk, and a copy of its database from before everything that is in the journals. */
interface Scene {
  readonly disk: Disk;
  readonly server: ServerProcess;
  readonly journals: string;
  putYesterdaysDatabase(): void;
}

async function onServer(work: (scene: Scene, publishers: Awaited<ReturnType<typeof makePublishers>>) => Promise<void>) {
  const home = mkdtempSync(join(tmpdir(), "cpm-power-cut-recover-"));
  const disk = makeDisk(128);
  const [journals, yesterday] = [join(home, "journals"), join(home, "yesterday.db")];
  mkdirSync(journals);
  const server = await prepareServer(join(disk.path, "data"));
  const database = join(server.dataDir, "registry.db");
  try {
    await server.start();
    const publishers = await makePublishers(server.url, PUBLISHERS);
    const client = new Database(database);
    client.run("VACUUM INTO ?", [yesterday]);
    client.close();
    const putYesterdaysDatabase = () => {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(database + suffix, { force: true });
      cpSync(yesterday, database);
    };
    await work({ disk, server, journals, putYesterdaysDatabase }, publishers);
  } finally {
    await server.remove();
    disk.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Publishes from many clients, and cuts the power at a random time after the first answer. */
async function cutWhilePublishing(
  { disk, server, journals }: Scene,
  publishers: Awaited<ReturnType<typeof makePublishers>>,
  seed: number,
): Promise<void> {
  const answered = Promise.withResolvers<void>();
  const driven = drive({
    publishers,
    seed,
    journals,
    title: "late",
    running: server.isRunning,
    onNoted: (_, result) => isAcknowledged({ result }) && answered.resolve(),
  });
  await Promise.race([answered.promise, driven]);
  await Bun.sleep(new Chance(seed).between(0, 1_200));
  server.signal("SIGSTOP");
  disk.cut();
  await server.kill();
  disk.restore();
  await driven;
}

async function recovered({ server, putYesterdaysDatabase }: Scene, mayLose = false): Promise<void> {
  putYesterdaysDatabase();
  const { exitCode, stderr } = await server.run("log", "recover");
  if (mayLose && exitCode === 1) {
    expect(stderr).toContain("cannot be recovered");
    expect((await server.run("log", "accept-rollback", "--yes")).exitCode).toBe(0);
  } else expect([stderr, exitCode]).toEqual(["", 0]);
  await server.start();
}

/** Waits until everything that is answered lies in tiles beside the archives. */
async function announced({ server }: Scene): Promise<void> {
  const isCopied = async () => {
    const served = await (await fetch(`${server.url}/log/checkpoint`)).text();
    return (
      served ===
      (await Bun.file(join(server.dataDir, "log", "checkpoint"))
        .text()
        .catch(() => ""))
    );
  };
  await waitUntil(isCopied, "the checkpoint is copied");
}

describe.skipIf(reason !== undefined)("a power cut of a publishing server", () => {
  test.each(seeds(SERVER_CUTS))(
    "loses nothing, if the database is yesterday's once the server ran again (seed %d)",
    (seed) =>
      withSeed(seed, () =>
        onServer(async (scene, publishers) => {
          const { server, journals } = scene;
          await cutWhilePublishing(scene, publishers, seed);
          await server.start();
          await announced(scene);
          await server.kill();
          await recovered(scene);
          const verdict = await check({ server, journals, publishers });
          expect(verdict.faults).toEqual([]);
          expect(verdict.acknowledged).toBeGreaterThan(0);
        }),
      ),
    120_000,
  );

  test.each(seeds(SERVER_CUTS))(
    "loses nothing that lay in tiles, if the database is yesterday's at once (seed %d)",
    (seed) =>
      withSeed(seed, () =>
        onServer(async (scene, publishers) => {
          const { server, journals } = scene;
          let left = 20;
          const running = () => left > 0;
          const onNoted = () => {
            left -= 1;
          };
          await drive({ publishers, seed, journals, title: "early", running, onNoted });
          await announced(scene);
          await cutWhilePublishing(scene, publishers, seed);
          await recovered(scene, true);
          const attempts = readJournals(journals);
          const early = attempts.filter((attempt) => attempt.name.startsWith("early") && isAcknowledged(attempt));
          expect(early.length).toBeGreaterThan(0);
          for (const { name, version, sha256 } of early) {
            const { status, body } = await guestOf(server.url).get(`/api/packages/${name}/${version}`);
            expect([name, version, status, body.sha256]).toEqual([name, version, 200, sha256]);
          }
          const checked = await server.run("fsck");
          expect([checked.stdout, checked.exitCode]).toEqual([expect.stringContaining("no problems"), 0]);
          const auditor = await Verifier.make();
          const audited = await auditor.ask("log", "audit", "--registry", server.url, "--archives");
          await auditor.remove();
          expect(audited).toMatchObject({ exitCode: 0, codes: [] });
          const health = await guestOf(server.url).get("/health");
          expect([health.status, health.body.readOnly]).toEqual([200, undefined]);
        }),
      ),
    120_000,
  );
});
