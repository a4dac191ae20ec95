import { expect, test } from "bun:test";
import { createHash, createPrivateKey } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, PASSWORD } from "../support/client.ts";
import { newHome } from "../support/documented-tasks.ts";
import { testPostgres } from "../support/postgres.ts";
import { TEST_LOG_KEY, TEST_LOG_ORIGIN } from "../support/registry.ts";
import { s3Missing, testS3 } from "../support/s3.ts";
import { type Mount, mountTmpfs, reasonAgainstTmpfs } from "./mounts.ts";
import { Person, type Settings, Year } from "./year.ts";

/*
 * A year of an operator: an old registry is upgraded, filled, backed up, lost, recovered, moved,
 * given new keys, and told to take something down. Somebody outside audits it after each step.
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

/** The new program takes over the directory of the old one. */
async function upgrade(year: Year): Promise<void> {
  const { home, alice, bob, auditor } = year;
  const data = join(home.path, "App_Data");
  mkdirSync(data);
  expect(Bun.spawnSync(["tar", "xzf", OLD_REGISTRY, "-C", data, "--no-same-owner"]).exitCode).toBe(0);
  writeFileSync(join(data, "log.key"), `${TEST_LOG_KEY}\n`, { mode: 0o600 });
  expect(year.operate("! cpm-registry migrate --check")).toContain("0018_takedown");
  await year.start();
  for (const old of ["greeter@1.0.0", "greeter@1.1.0", "greeter@1.1.1", "ledger@0.1.0"]) year.published.add(old);
  year.operate(`cpm-registry admin create auditor --password-stdin <<end\n${PASSWORD}\nend`);
  await alice.logIn("alice");
  await bob.logIn("bob");
  await auditor.logIn("auditor", "--scope", "read");
  mkdirSync(join(alice.user.home, "keys"), { recursive: true, mode: 0o700 });
  writeFileSync(join(alice.user.home, "keys/default.pem"), keyOfAlice(), { mode: 0o600 });
  await bob.does("key", "generate", "--no-passphrase");
  const session = await new Client(home.server.url).post("/api/auth/login", { username: "bob", password: PASSWORD });
  year.reader = new Client(home.server.url, session.body.token, "bob");
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
  expect((await year.reader.get("/api/auth/me")).status).toBe(200);
  await year.alice.does("key", "rotate", "--yes", "--no-passphrase", "--password-stdin");
  await year.publish(year.alice, "greeter", "2.0.0");
}

/** A court orders it. Then a backup of what is left is restored on another machine. */
async function takeDownAndRestore(year: Year, elsewhere: string): Promise<void> {
  year.takeDown("greeter", "1.0.0", "legal");
  await year.expectClean();
  backUp(year);
  const { JWT_KEY = "", LOG_SIGNING_KEY = "" } = year.settings;
  await year.stop();
  year.settings = { READ_ACCESS: "authenticated", JWT_KEY, LOG_SIGNING_KEY, DATA_DIR: elsewhere };
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

async function playYear(year: Year, elsewhere: string, databaseUrl: string, bucket: Settings): Promise<void> {
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ["upgrade", () => upgrade(year)],
    ["days and nights", () => liveThroughDays(year)],
    ...(reasonAgainstDisk === undefined ? [["full disk", () => fillDisk(year)] as const] : []),
    ["lost machine", () => loseMachine(year)],
    ["move", () => move(year, databaseUrl, bucket)],
    ["new keys", () => rotateKeys(year)],
    ["takedown", () => takeDownAndRestore(year, join(elsewhere, "other"))],
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
      const home = await newHome(path);
      const [postgres, s3] = [await testPostgres(), await testS3()];
      const [databaseUrl, bucket] = [await postgres.createDatabase(), await s3.createBucket()];
      const { url } = home.server;
      const people = [await Person.make(url), await Person.make(url), await Person.make(url)] as const;
      try {
        const year = new Year(home, join(elsewhere, "backup"), ...people);
        await playYear(year, elsewhere, databaseUrl, s3.settings(bucket));
      } finally {
        await home.server.remove();
        for (const { user } of people) await user.remove();
        await postgres.dropDatabase(databaseUrl);
        await s3.emptyAndDropBucket(bucket);
      }
    }),
  240_000,
);
