import { expect, test } from "bun:test";
import { createHash, createPrivateKey } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGoVerifier } from "../interop/go-verifier.ts";
import { blocksUnder, newHome } from "../support/documented-tasks.ts";
import { buildOld } from "../support/made-release.ts";
import { testPostgres } from "../support/postgres.ts";
import { TEST_LOG_KEY, TEST_LOG_ORIGIN } from "../support/registry.ts";
import { s3Missing, testS3 } from "../support/s3.ts";
import { type Mount, mountTmpfs, reasonAgainstTmpfs } from "./mounts.ts";
import { Person, type Settings, Year } from "./year.ts";
import { Downloads } from "./year-release.ts";

/*
 * A year of an operator: an old registry is upgraded to a release, filled, backed up, lost,
 * recovered, moved, given new keys, and told to take something down. Somebody outside audits it
 * after each step. Everybody runs executables that were installed, never the sources.
 *
 * registry-0.2.0.tar.gz is the data directory that cpm-registry 0.2.0 left, without its jwt.key.
 * Its accounts alice and bob have the usual password; alice published four versions and yanked one.
 */

const OLD_REGISTRY = join(import.meta.dir, "registry-0.2.0.tar.gz");
const MIB = 1_048_576;
const DISK_BYTES = 64 * MIB;
/** What nothing can be published in. */
const LEFT_BYTES = 64 * 1_024;
const NIGHTS = 3;

/** The key with which alice signed in 0.2.0. */
function keyOfAlice(): string {
  const seed = createHash("sha256").update("alice's key in 0.2.0").digest();
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ format: "pem", type: "pkcs8" })
    .toString();
}

/** The machines of the year, and the disks on which their programs lie. */
interface Places {
  readonly downloads: Downloads;
  /** Where the operator and the server have `cpm-registry`. */
  readonly programs: string;
  /** Where people have it. */
  readonly clients: string;
  /** A disk that does not fill up. */
  readonly elsewhere: string;
}

/** 0.2.0 runs, built from its sources, because it had no releases. People install the client of today. */
async function begin(year: Year, { downloads, programs, clients, elsewhere }: Places): Promise<void> {
  const data = join(year.home.path, "App_Data");
  mkdirSync(data);
  expect(Bun.spawnSync(["tar", "xzf", OLD_REGISTRY, "-C", data, "--no-same-owner"]).exitCode).toBe(0);
  writeFileSync(join(data, "log.key"), `${TEST_LOG_KEY}\n`, { mode: 0o600 });
  for (const old of ["greeter@1.0.0", "greeter@1.1.0", "greeter@1.1.1", "ledger@0.1.0"]) year.published.add(old);
  await downloads.installInto(clients);
  const built = await buildOld("0.2.0", join(elsewhere, "0.2.0"));
  if (built === undefined) {
    console.warn("0.2.0 is not started before the upgrade: it is not in the history of this clone.");
    await downloads.installInto(programs);
    return;
  }
  mkdirSync(programs);
  copyFileSync(built, join(programs, "cpm-registry"));
  expect(year.operate("cpm-registry version")).toContain("0.2.0");
  await year.start();
  await year.letAuditorIn();
  await year.expectAudited();
  await year.stop();
}

/** Upgrades as docs/operations.md says, from a mirror that lies at first. The data is copied before. */
async function upgrade(year: Year, { downloads, programs, elsewhere }: Places): Promise<void> {
  const { home, alice, bob } = year;
  cpSync(join(home.path, "App_Data"), join(elsewhere, "before-upgrade"), { recursive: true });
  const installed = year.operate("cpm-registry version");
  await downloads.expectLiesRefused(programs);
  expect(year.operate("cpm-registry version")).toBe(installed);
  await downloads.installInto(programs);
  const [check = ""] = blocksUnder("Upgrade");
  expect(year.operate(`! ${check}`)).toContain("0018_takedown");
  await year.start();
  year.operate(check);
  if (year.verifierKeys.size === 0) await year.letAuditorIn();
  await alice.logIn("alice");
  await bob.logIn("bob");
  mkdirSync(join(alice.user.home, "keys"), { recursive: true, mode: 0o700 });
  writeFileSync(join(alice.user.home, "keys/default.pem"), keyOfAlice(), { mode: 0o600 });
  await bob.does("key", "generate", "--no-passphrase");
}

function backUp(year: Year): void {
  year.operate(`cpm-registry backup create '${year.backup}' --keep 2`);
  year.operate(`cpm-registry backup verify '${year.backup}'`);
}

/** Publishes by day, and backs up by night. */
async function liveThroughDays(year: Year): Promise<void> {
  for (let day = 1; day <= NIGHTS; day += 1) {
    await year.publish(year.alice, "greeter", `1.2.${day}`);
    await year.publish(year.bob, "weather", `0.1.${day}`);
    backUp(year);
  }
}

/** The disk fills up, and somebody makes room. */
async function fillDisk(year: Year): Promise<void> {
  const filler = join(year.home.path, "filler");
  const { bavail, bsize } = statfsSync(year.home.path);
  writeFileSync(filler, new Uint8Array(bavail * bsize - LEFT_BYTES));
  const noise = { "noise.bin": crypto.getRandomValues(new Uint8Array(LEFT_BYTES)) };
  const files = { ...noise, "noise2.bin": crypto.getRandomValues(new Uint8Array(LEFT_BYTES)) };
  const refused = await year.alice.publish("greeter", "1.3.0", files);
  expect([refused.code === 0, refused.stderr]).toEqual([false, expect.stringMatching(/full|space|room/i)]);
  const { status } = await year.reader.get("/api/packages/greeter/1.2.1/download");
  expect(status).toBe(200);
  rmSync(filler);
  await year.publish(year.alice, "greeter", "1.3.0");
}

/** The machine dies with its database. The storage survives, and last night's backup does. */
async function loseMachine(year: Year): Promise<void> {
  const { home, alice, bob, backup } = year;
  backUp(year);
  await year.publish(alice, "greeter", "1.4.0");
  await year.publish(alice, "lantern", "0.1.0");
  await year.publish(bob, "weather", "0.2.0");
  await alice.does("yank", "greeter@1.2.1", "--reason", "broken", "--yes");
  await alice.does("key", "generate", "laptop", "--no-passphrase");
  await alice.does("key", "add", "laptop", "--package", "greeter", "--password-stdin");
  year.takeDown("weather", "0.1.1", "secret");
  const before = await year.shown();
  await home.server.kill();
  const data = join(home.path, "App_Data");
  mkdirSync(join(home.path, "lost"));
  for (const file of ["registry.db", "registry.db-wal", "registry.db-shm"]) {
    if (await Bun.file(join(data, file)).exists()) renameSync(join(data, file), join(home.path, "lost", file));
  }
  year.operate(`cpm-registry backup restore '${backup}' --reuse-storage`);
  expect(year.operate("cpm-registry log recover")).toContain("Recovered");
  await year.start();
  expect(await year.shown()).toEqual(before);
}

/** The registry outgrows its machine. */
async function move(year: Year, databaseUrl: string, bucket: Settings): Promise<void> {
  const before = await year.shown();
  const moving = { ...bucket, STORAGE_TYPE: "FileSystem", NEW_DATABASE_URL: databaseUrl };
  year.operate("cpm-registry storage copy --from FileSystem --to S3", moving);
  await year.publish(year.bob, "weather", "0.3.0");
  // The first copy has its archive. Only the operator can say that it must go from there too.
  year.takeDown("weather", "0.1.2", "policy");
  const whole = { ...before, ...(await year.shown()) };
  year.operate('cpm-registry admin read-only on --reason "moving" --wait', moving);
  year.operate("cpm-registry storage copy --from FileSystem --to S3", moving);
  year.operate('cpm-registry db copy --from App_Data --to "$NEW_DATABASE_URL"', moving);
  await year.stop();
  const keyIn = (name: string) => readFileSync(join(year.home.path, "App_Data", name), "utf8").trim();
  const keys = { JWT_KEY: keyIn("jwt.key"), LOG_SIGNING_KEY: keyIn("log.key") };
  year.settings = { ...year.settings, ...bucket, ...keys, DATABASE_URL: databaseUrl };
  await year.start();
  expect(await year.shown()).toEqual(whole);
  expect((await year.bob.publish("weather", "0.4.0")).code).not.toBe(0);
  year.operate("cpm-registry admin read-only off");
  expect(year.operate("! cpm-registry fsck")).toContain("repeat cpm-registry admin purge weather 0.1.2");
  year.takeDown("weather", "0.1.2", "policy");
  await year.publish(year.bob, "weather", "0.4.0");
}

/** Everybody gets a new key, and nobody has to log in again. */
async function rotateKeys(year: Year): Promise<void> {
  const { JWT_KEY = "", LOG_SIGNING_KEY = "" } = year.settings;
  await year.stop();
  const next = year.operate(`cpm-registry log make-key ${TEST_LOG_ORIGIN}`).trim();
  year.settings = {
    ...year.settings,
    JWT_KEY: `${year.operate("openssl rand -base64 48").trim()} ${JWT_KEY}`,
    LOG_SIGNING_KEY: `${LOG_SIGNING_KEY} ${next}`,
  };
  year.operate("cpm-registry log rotate-key");
  await year.start();
  year.tellVerifierKey();
  expect(year.verifierKeys.size).toBe(2);
  expect((await year.reader.get("/api/auth/me")).status).toBe(200);
  await year.alice.does("key", "rotate", "--yes", "--no-passphrase", "--password-stdin");
  await year.publish(year.alice, "greeter", "2.0.0");
}

/** A court orders it for a version and for a whole package. */
async function takeDown(year: Year): Promise<void> {
  year.takeDown("greeter", "1.0.0", "legal");
  year.takeDown("ledger", "*", "legal");
}

/** A backup of what is left is restored on another machine. */
async function restoreElsewhere(year: Year, dataDir: string): Promise<void> {
  backUp(year);
  const { JWT_KEY = "", LOG_SIGNING_KEY = "" } = year.settings;
  await year.stop();
  year.settings = { READ_ACCESS: "authenticated", JWT_KEY, LOG_SIGNING_KEY, DATA_DIR: dataDir };
  year.operate(`cpm-registry backup restore '${year.backup}'`);
  await year.start();
  await year.publish(year.alice, "lantern", "0.2.0");
}

const reasonAgainstDisk = reasonAgainstTmpfs();
if (reasonAgainstDisk !== undefined) console.warn(`Skipped: the disk of the year is never full, ${reasonAgainstDisk}`);

/** Runs `play` with a directory on a small disk, or on the disk of the machine where none can be mounted. */
async function onSmallDisk(play: (path: string, elsewhere: string) => Promise<void>): Promise<void> {
  const elsewhere = mkdtempSync(join(tmpdir(), "cpm-year-"));
  const disk: Mount | undefined = reasonAgainstDisk === undefined ? mountTmpfs(DISK_BYTES) : undefined;
  try {
    const path = disk?.path ?? join(elsewhere, "machine");
    mkdirSync(path, { recursive: true });
    await play(path, elsewhere);
  } finally {
    disk?.remove();
    rmSync(elsewhere, { recursive: true, force: true });
  }
}

async function playYear(year: Year, places: Places, databaseUrl: string, bucket: Settings): Promise<void> {
  await begin(year, places);
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ["upgrade", () => upgrade(year, places)],
    ["days and nights", () => liveThroughDays(year)],
    ...(reasonAgainstDisk === undefined ? [["full disk", () => fillDisk(year)] as const] : []),
    ["lost machine", () => loseMachine(year)],
    ["move", () => move(year, databaseUrl, bucket)],
    ["new keys", () => rotateKeys(year)],
    ["takedown", () => takeDown(year)],
    ["another machine", () => restoreElsewhere(year, join(places.elsewhere, "other"))],
  ];
  for (const [name, step] of steps) {
    try {
      await step();
      await year.expectClean();
    } catch (cause) {
      throw new Error(`In the step "${name}": ${cause}`, { cause });
    }
  }
}

test.skipIf(s3Missing !== undefined)(
  "an operator's year loses nothing that was acknowledged, and whoever audits it from outside finds nothing wrong",
  () =>
    onSmallDisk(async (path, elsewhere) => {
      const [programs, clients] = [join(elsewhere, "programs"), join(elsewhere, "clients")];
      const home = await newHome(path, [join(programs, "cpm-registry")]);
      const [postgres, s3, go] = await Promise.all([testPostgres(), testS3(), openGoVerifier()]);
      const [databaseUrl, bucket] = [await postgres.createDatabase(), await s3.createBucket()];
      const person = () => Person.make(home.server.url, [join(clients, "cpm-registry")]);
      const people = [await person(), await person(), await person()] as const;
      const downloads = await Downloads.open(join(elsewhere, "downloads"));
      try {
        const year = new Year(home, join(elsewhere, "backup"), ...people, go);
        await playYear(year, { downloads, programs, clients, elsewhere }, databaseUrl, s3.settings(bucket));
      } finally {
        await home.server.remove();
        await downloads.close();
        go?.remove();
        for (const { user } of people) await user.remove();
        await postgres.dropDatabase(databaseUrl);
        await s3.emptyAndDropBucket(bucket);
      }
    }),
  600_000,
);
