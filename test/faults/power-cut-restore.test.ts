import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readNamedDatabase } from "../../src/config/named-database.ts";
import { FAILPOINTS } from "../../src/runtime/failpoints.ts";
import { runOnce } from "../binary/executable.ts";
import { newAccount } from "../support/client.ts";
import { newPlace, type Place, whileRunning } from "../support/places.ts";
import { SOURCES } from "../support/program.ts";
import { TEST_JWT_KEY, TEST_LOG_KEY } from "../support/registry.ts";
import { Verifier } from "../verify/scene.ts";
import { publish } from "./backup-scene.ts";
import { Chance, LONG, seeds } from "./chance.ts";
import { cutDuring, type Moment } from "./cut-command.ts";
import { type Disk, makeDisk, reasonAgainstPowerCuts } from "./power-cut.ts";
import { rowDigests } from "./row-digests.ts";
import { withSeed } from "./scene.ts";

/* A power cut while a backup is restored or a database copied, and as soon as that is answered. */

const RANDOM_CUTS = LONG ? 40 : 2;
/** A command ends within this time on a machine that has nothing else to do. */
const COMMAND_MAX_MS = 1_200;
const POINTS = FAILPOINTS.filter((point) => point.startsWith("restore."));
const VERSIONS = 3;
const KEYS = { "jwt.key": TEST_JWT_KEY, "log.key": TEST_LOG_KEY };

const reason = reasonAgainstPowerCuts();
if (reason !== undefined) console.warn(`Skipped: no power can be cut here, ${reason}`);

const home = mkdtempSync(join(tmpdir(), "cpm-power-cut-restore-"));
const backup = join(home, "backup");
let from: Place;
let auditor: Verifier;
let checkpoint = "";

const checkpointOf = async (url: string) => (await fetch(`${url}/log/checkpoint`)).text();

/** The settings of a registry whose keys are files. */
const settingsOf = (dataDir: string) => ({ DATA_DIR: dataDir, LOG_LEVEL: "silent" });
const run = (dataDir: string, ...args: string[]) =>
  runOnce({ command: SOURCES, cwd: "/", env: { PATH: process.env.PATH ?? "", ...settingsOf(dataDir) } }, ...args);

beforeAll(async () => {
  from = await newPlace("sqlite");
  auditor = await Verifier.make();
  await whileRunning(from, async (registry) => {
    const alice = await newAccount(registry);
    for (let number = 1; number <= VERSIONS; number += 1) await publish(alice, `package-${number}`, 10_000);
    await auditor.ask("log", "audit", "--registry", registry.url);
    checkpoint = await checkpointOf(registry.url);
  });
  for (const [name, text] of Object.entries(KEYS))
    writeFileSync(join(from.dataDir, name), `${text}\n`, { mode: 0o600 });
  const made = await run(from.dataDir, "backup", "create", backup, "--with-keys");
  expect([made.stderr, made.exitCode]).toEqual(["", 0]);
});
afterAll(async () => {
  await from.remove();
  await auditor.remove();
  rmSync(home, { recursive: true, force: true });
});

/** Runs `work` with a place to fill, which is on a disk, or the archives of which are. */
async function onDisk(layout: "everything" | "archives", work: (disk: Disk, to: Place) => Promise<void>) {
  const disk = makeDisk(64);
  const to = await newPlace("sqlite", "files", layout === "everything" ? disk.path : home);
  try {
    if (layout === "archives") {
      mkdirSync(join(disk.path, "packages"));
      symlinkSync(join(disk.path, "packages"), join(to.dataDir, "packages"));
    }
    Bun.spawnSync(["sync", "--file-system", disk.path]);
    await work(disk, to);
  } finally {
    await to.remove();
    disk.remove();
  }
}

/** Expects a registry with its keys to be that of the backup, for whoever saw it before. */
async function expectRestored(to: Place): Promise<void> {
  for (const [name, text] of Object.entries(KEYS))
    expect(readFileSync(join(to.dataDir, name), "utf8")).toBe(`${text}\n`);
  const checked = await run(to.dataDir, "fsck", "--json");
  expect([checked.exitCode, JSON.parse(checked.stdout)]).toMatchObject([0, { checked: VERSIONS, problemCount: 0 }]);
  await whileRunning(to, async (registry) => {
    expect(await checkpointOf(registry.url)).toBe(checkpoint);
    const audited = await auditor.ask("log", "audit", "--archives", "--registry", registry.url);
    expect(audited).toMatchObject({ exitCode: 0, codes: [] });
  });
}

/** Cuts the power as soon as a restore ended, and expects what it restored to be there. */
async function expectRestoredAtOnce(disk: Disk, to: Place): Promise<void> {
  const command = { settings: settingsOf(to.dataDir), args: ["backup", "restore", backup] };
  const done = await cutDuring(disk, command, "its end");
  expect([done?.stderr, done?.exitCode]).toEqual(["", 0]);
  expect(readdirSync(to.dataDir).sort()).toEqual(["jwt.key", "log.key", "packages", "registry.db"]);
  await expectRestored(to);
}

async function expectRestoredAfter(moment: Moment): Promise<void> {
  await onDisk("everything", async (disk, to) => {
    const args = ["backup", "restore", backup];
    const done = await cutDuring(disk, { settings: settingsOf(to.dataDir), args }, moment);
    if (done !== undefined) expect([done.stderr, done.exitCode]).toEqual(["", 0]);
    const isDone = existsSync(join(to.dataDir, "registry.db"));
    if (done !== undefined) expect(isDone).toBe(true);
    const again = await run(to.dataDir, ...args);
    if (isDone) expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining("already")]);
    else expect([again.stderr, again.exitCode]).toEqual(["", 0]);
    await expectRestored(to);
  });
}

describe.skipIf(reason !== undefined)("a power cut of a restore", () => {
  test(
    "right after its end leaves the registry in a directory that did not exist",
    () =>
      onDisk("everything", async (disk, to) => {
        rmSync(to.dataDir, { recursive: true });
        await expectRestoredAtOnce(disk, to);
      }),
    120_000,
  );

  test(
    "right after its end leaves all archives on a disk of their own",
    () => onDisk("archives", expectRestoredAtOnce),
    120_000,
  );

  test.each(POINTS)(
    "at %s leaves nothing or all, and the next run completes",
    (point) => expectRestoredAfter({ point, hit: point === "restore.archive" ? 2 : 1 }),
    120_000,
  );

  test.each(seeds(RANDOM_CUTS))(
    "at a random time leaves nothing or all, and the next run completes (seed %d)",
    (seed) => withSeed(seed, () => expectRestoredAfter({ afterMs: new Chance(seed).between(200, COMMAND_MAX_MS) })),
    120_000,
  );
});

describe.skipIf(reason !== undefined)("a power cut of db copy into a file", () => {
  const moments: [string, Moment][] = [
    ["right after its end", "its end"],
    ...seeds(RANDOM_CUTS).map((seed): [string, Moment] => [
      `at a random time (seed ${seed})`,
      { afterMs: new Chance(seed).between(200, COMMAND_MAX_MS) },
    ]),
  ];
  test.each(moments)(
    "%s leaves no file or all rows, and the next run completes",
    (_, moment) =>
      onDisk("everything", async (disk, to) => {
        const [source, path] = [join(to.dataDir, "source.db"), join(to.dataDir, "new", "registry.db")];
        cpSync(from.databaseName, source);
        Bun.spawnSync(["sync", "--file-system", disk.path]);
        const rows = await rowDigests(readNamedDatabase("--from", source));
        const args = ["db", "copy", "--from", source, "--to", path];
        const done = await cutDuring(disk, { settings: {}, args }, moment);
        if (done !== undefined) expect([done.stderr, done.exitCode, existsSync(path)]).toEqual(["", 0, true]);
        // So the source is not marked as moved either.
        if (!existsSync(path)) expect((await run(dirname(path), ...args)).exitCode).toBe(0);
        expect(await rowDigests(readNamedDatabase("--from", path))).toEqual(rows);
      }),
    120_000,
  );
});
