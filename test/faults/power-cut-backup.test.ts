import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FAILPOINTS } from "../../src/runtime/failpoints.ts";
import { BECAUSE } from "../maintenance/takedown-scene.ts";
import { newAccount } from "../support/client.ts";
import { newPlace, type Place, whileRunning } from "../support/places.ts";
import { publish, restoredVersions, verified } from "./backup-scene.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { cutDuring, type Moment } from "./cut-command.ts";
import { type Disk, makeDisk, reasonAgainstPowerCuts } from "./power-cut.ts";
import { withSeed } from "./scene.ts";

/* A power cut while a backup is made, and as soon as it is answered. */

const RANDOM_CUTS = LONG ? 40 : 2;
/** A command ends within this time on a machine that has nothing else to do. */
const COMMAND_MAX_MS = 1_500;
const POINTS = FAILPOINTS.filter((point) => point.startsWith("backup."));
/** What is on the disk that loses its power. Everything else is on the machine's own disk. */
const PARTS = ["backup", "archives", "snapshots"] as const;

const reason = reasonAgainstPowerCuts();
if (reason !== undefined) console.warn(`Skipped: no power can be cut here, ${reason}`);

const home = mkdtempSync(join(tmpdir(), "cpm-power-cut-backup-"));
const outdated = join(home, "outdated");
let place: Place;

beforeAll(async () => {
  place = await newPlace("sqlite");
  await whileRunning(place, async (registry) => {
    const alice = await newAccount(registry);
    for (const name of ["first", "leaked"]) await publish(alice, name);
    expect((await place.run("backup", "create", outdated)).exitCode).toBe(0);
    // The old snapshot alone names this archive, so it goes with that.
    expect((await place.run("admin", "purge", "leaked", "1.0.0", ...BECAUSE)).exitCode).toBe(0);
    for (const name of ["second", "third"]) await publish(alice, name);
  });
});
afterAll(async () => {
  await place.remove();
  rmSync(home, { recursive: true, force: true });
});

/** Runs `work` with a copy of the outdated backup that is on a disk, or a part of which is. */
async function onDisk(part: (typeof PARTS)[number], work: (disk: Disk, backup: string) => Promise<void>) {
  const disk = makeDisk(64);
  const backup = join(part === "backup" ? disk.path : home, `backup-${crypto.randomUUID()}`);
  try {
    cpSync(outdated, backup, { recursive: true });
    if (part !== "backup") {
      cpSync(join(outdated, part), join(disk.path, part), { recursive: true });
      rmSync(join(backup, part), { recursive: true });
      symlinkSync(join(disk.path, part), join(backup, part));
    }
    Bun.spawnSync(["sync", "--file-system", disk.path]);
    await work(disk, backup);
  } finally {
    disk.remove();
  }
}

async function expectWhole(backup: string): Promise<void> {
  expect(await verified(backup)).toMatchObject({ exitCode: 0, problems: [] });
}

async function expectWholeAfter(moment: Moment): Promise<void> {
  await onDisk("backup", async (disk, backup) => {
    const create = ["backup", "create", backup, "--keep", "1", "--json"];
    const made = await cutDuring(disk, { settings: place.settings, args: create }, moment);
    if (made !== undefined) expect([made.stderr, made.exitCode]).toEqual(["", 0]);
    await expectWhole(backup);
    const again = await place.run(...create);
    expect([again.stderr, again.exitCode]).toEqual(["", 0]);
    expect(readdirSync(join(backup, "snapshots"))).toEqual([JSON.parse(again.stdout).snapshot]);
    expect(await verified(backup)).toMatchObject({ exitCode: 0, interrupted: [], archives: { count: 3 } });
    expect(await restoredVersions(backup)).toBe(4);
  });
}

describe.skipIf(reason !== undefined)("a power cut", () => {
  test.each(PARTS)(
    "right after a backup leaves all of it, with the %s on that disk",
    (part) =>
      onDisk(part, async (disk, backup) => {
        const args = ["backup", "create", backup, "--keep", "1"];
        const made = await cutDuring(disk, { settings: place.settings, args }, "its end");
        expect([made?.stderr, made?.exitCode]).toEqual(["", 0]);
        await expectWhole(backup);
        expect(await restoredVersions(backup)).toBe(4);
      }),
    120_000,
  );

  test(
    "right after the first backup in a new directory leaves all of it",
    () =>
      onDisk("backup", async (disk) => {
        const backup = join(disk.path, "a", "new", "directory");
        const made = await cutDuring(disk, { settings: place.settings, args: ["backup", "create", backup] }, "its end");
        expect([made?.stderr, made?.exitCode]).toEqual(["", 0]);
        await expectWhole(backup);
        expect(await restoredVersions(backup)).toBe(4);
      }),
    120_000,
  );

  test("right after a backup of Postgres leaves all of it", async () => {
    const postgres = await newPlace("postgres");
    try {
      await whileRunning(postgres, async (registry) => publish(await newAccount(registry), "first"));
      await onDisk("backup", async (disk) => {
        const backup = join(disk.path, "backup-of-postgres");
        const args = ["backup", "create", backup];
        const made = await cutDuring(disk, { settings: postgres.settings, args }, "its end");
        expect([made?.stderr, made?.exitCode]).toEqual(["", 0]);
        await expectWhole(backup);
      });
    } finally {
      await postgres.remove();
    }
  }, 120_000);

  test.each(POINTS)(
    "at %s of a backup leaves whole snapshots, and the next run completes",
    (point) => expectWholeAfter({ point, hit: point === "backup.archive" ? 2 : 1 }),
    120_000,
  );

  test.each(seeds(RANDOM_CUTS))(
    "at a random time of a backup leaves whole snapshots, and the next run completes (seed %d)",
    (seed) => withSeed(seed, () => expectWholeAfter({ afterMs: new Chance(seed).between(200, COMMAND_MAX_MS) })),
    120_000,
  );
});
