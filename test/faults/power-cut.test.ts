import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { check } from "./checker.ts";
import { drive, makePublishers, type Publisher } from "./driver.ts";
import { isAcknowledged } from "./journal.ts";
import { type Disk, makeDisk, reasonAgainstPowerCuts } from "./power-cut.ts";
import { withSeed } from "./scene.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/*
 * What the registry acknowledged before a power cut is true afterwards. The test also notices if a
 * sync is left out.
 */

const CUTS = LONG ? 20 : 2;
const PUBLISHERS = 8;
/** Negative controls stop at the first loss. One of this many cuts must show it. */
const CONTROL_CUTS = 5;

/** What is on the disk that loses its power. Everything else is on the machine's own disk. */
type Layout = "everything" | "everything and Postgres" | "archives alone";

interface Machine {
  readonly disk: Disk;
  readonly server: ServerProcess;
  readonly postgres: PostgresServer | undefined;
  readonly journals: string;
}

/** Starts a durable Postgres with its files on `disk`: it puts them where temporary files go. */
async function startPostgresOn(disk: Disk): Promise<PostgresServer> {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = disk.path;
  try {
    const postgres = await startPostgres({ durable: true });
    // initdb ran without syncing. Postgres counts as installed long ago, so its files are made
    // durable first.
    Bun.spawnSync(["sync", "--file-system", disk.path]);
    return postgres;
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}

async function onMachine(layout: Layout, play: (machine: Machine) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cpm-faults-"));
  const withPostgres = layout === "everything and Postgres";
  const disk = makeDisk(withPostgres ? 768 : 128);
  let [postgres, server]: [PostgresServer?, ServerProcess?] = [];
  try {
    const [journals, local] = [join(home, "journals"), join(home, "data")];
    for (const directory of [journals, local]) mkdirSync(directory);
    if (layout === "archives alone") symlinkSync(disk.path, join(local, "packages"));
    if (withPostgres) postgres = await startPostgresOn(disk);
    const dataDir = layout === "archives alone" ? local : join(disk.path, "data");
    server = await prepareServer(dataDir, postgres?.url, { NODE_ENV: "test" });
    await play({ disk, server, postgres, journals });
  } finally {
    await server?.remove();
    await postgres?.remove();
    disk.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Cuts the power while all processes are frozen, and turns it on again, Postgres included. */
async function cutPower({ disk, server, postgres }: Machine): Promise<void> {
  server.signal("SIGSTOP");
  postgres?.freeze();
  disk.cut();
  await server.kill();
  postgres?.thaw();
  // Whatever Postgres still wants to write fails with an error, because its disk has no power.
  await postgres?.stop("immediate");
  disk.restore();
  await postgres?.start();
}

/** Cuts at a random time while publishers publish, after the first answer. */
async function cutAtRandom(machine: Machine, publishers: readonly Publisher[], seed: number, title: string) {
  const { server, journals } = machine;
  const answered = Promise.withResolvers<void>();
  const driven = drive({
    publishers,
    seed,
    journals,
    title,
    running: server.isRunning,
    onNoted: (_, result) => isAcknowledged({ result }) && answered.resolve(),
  });
  await Promise.race([answered.promise, driven]);
  // The cut must not always hit the same step of a publish.
  await Bun.sleep(new Chance(seed).between(0, 1_200));
  await cutPower(machine);
  await driven;
}

/**
 * Cuts right after an answer, before another sync: the last acknowledged publish is the first to be
 * lost.
 */
async function cutAfterAnswer(machine: Machine, publishers: readonly Publisher[], seed: number, title: string) {
  const { server, journals } = machine;
  let left = new Chance(seed).between(1, 12);
  await drive({
    publishers: publishers.slice(0, 1),
    seed,
    journals,
    title,
    running: () => left > 0,
    onNoted: (_, result) => {
      if (isAcknowledged({ result })) left -= 1;
      if (left === 0) server.signal("SIGSTOP");
    },
  });
  await cutPower(machine);
}

const reason = reasonAgainstPowerCuts();
if (reason !== undefined) console.warn(`Skipped: no power can be cut here, ${reason}`);

function promise(title: string, layout: Layout, cut: typeof cutAtRandom): void {
  test.skipIf(reason !== undefined)(
    title,
    () =>
      withSeed(seeds(1)[0] ?? 1, () =>
        onMachine(layout, async (machine) => {
          const { server, journals } = machine;
          await server.start();
          const publishers = await makePublishers(server.url, PUBLISHERS);
          for (let round = 1; round <= CUTS; round += 1) {
            await cut(machine, publishers, (seeds(1)[0] ?? 1) * 100 + round, `cut${round}`);
            await server.start();
            const verdict = await check({ server, journals, publishers });
            expect(verdict.faults).toEqual([]);
            expect(verdict.acknowledged).toBeGreaterThan(0);
          }
        }),
      ),
    LONG ? 900_000 : 60_000,
  );
}

/** The same cut with a sync left out must be noticed. Otherwise the tests above prove nothing. */
function control(title: string, layout: Layout, cut: typeof cutAtRandom, failpoints: string, loss: RegExp): void {
  test.skipIf(reason !== undefined)(title, async () => {
    const losses: string[] = [];
    for (let round = 1; round <= CONTROL_CUTS && losses.length === 0; round += 1) {
      await onMachine(layout, async (machine) => {
        const { server, journals } = machine;
        await server.start({ FAILPOINTS: failpoints });
        const publishers = await makePublishers(server.url, PUBLISHERS);
        await cut(machine, publishers, round, "cut");
        await server.start();
        const { faults } = await check({ server, journals });
        losses.push(...faults.filter((fault) => loss.test(fault)));
      });
    }
    expect(losses.length).toBeGreaterThan(0);
  });
}

describe(`power cuts`, () => {
  promise(
    `every 201 holds after each of ${CUTS} power cuts at random times, with SQLite and archives on the disk`,
    "everything",
    cutAtRandom,
  );
  promise(
    `every 201 holds after each of ${CUTS} power cuts right after an answer, with only archives on the disk`,
    "archives alone",
    cutAfterAnswer,
  );
  if (LONG)
    promise(
      `every 201 holds after each of ${CUTS} power cuts at random times, with Postgres and archives on the disk`,
      "everything and Postgres",
      cutAtRandom,
    );
});

describe("power cuts with a sync left out", () => {
  control(
    "a power cut loses an archive that was not synced",
    "everything",
    cutAtRandom,
    "sync.file=skip",
    /has a (damaged )?blob|has no blob/,
  );
  control(
    "a power cut loses an archive whose directory was not synced",
    "archives alone",
    cutAfterAnswer,
    "sync.directory=skip",
    /has no blob/,
  );
});
