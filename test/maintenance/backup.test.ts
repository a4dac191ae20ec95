import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBackup } from "../../src/backup/create-backup.ts";
import { snapshotIdOf } from "../../src/backup/layout.ts";
import { type Manifest, manifestText } from "../../src/backup/manifest.ts";
import { restoreBackup } from "../../src/backup/restore-backup.ts";
import { verifyBackup } from "../../src/backup/verify-backup.ts";
import { openFileStore } from "../../src/blobs/file-store.ts";
import { lastBackup, noteBackup } from "../../src/blobs/last-backup.ts";
import { migrationState } from "../../src/db/migrate.ts";
import { takeProcessLock } from "../../src/db/process-lock.ts";
import { noFailpoints } from "../../src/runtime/failpoints.ts";
import { OperatorError } from "../../src/runtime/operator-error.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256 } from "../support/client.ts";
import { newPlace, type Place, whileRunning, withPlaces } from "../support/places.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { migrateBefore, oldDatabase } from "./old-database.ts";
import { HOUR_MS, isStored, pathOf, plant, statesOf } from "./scene.ts";

/* `backup create`, `backup verify` and `backup restore`. */

async function withBackup<T>(work: (backup: string) => Promise<T>): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "cpm-backup-"));
  try {
    return await work(join(home, "backup"));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Publishes a package of a new account and returns the digest of its archive. */
async function publishAs(alice: Client, name: string, version = "1.0.0"): Promise<string> {
  const archive = makePackage({ name, version });
  const { status, text } = await alice.publish(name, version, archive, KEY);
  if (status !== 201) throw new Error(`${name} was not published: ${status} ${text}`);
  return sha256(archive);
}

const KEY = makeKey();

/** A registry on SQLite and files with one package, and its backup. */
function onBackedUp(work: (place: Place, backup: string, digest: string) => Promise<void>): Promise<void> {
  return withBackup((backup) =>
    withPlaces([["sqlite", "files"]], async (place) => {
      const digest = await whileRunning(place, async (registry) => publishAs(await newAccount(registry), "hello"));
      const made = await place.run("backup", "create", backup);
      expect([made.stderr, made.exitCode]).toEqual(["", 0]);
      await work(place, backup, digest);
    }),
  );
}

const snapshotsOf = (backup: string) => readdirSync(join(backup, "snapshots")).sort();
const inSnapshot = (backup: string, ...names: string[]) =>
  join(backup, "snapshots", snapshotsOf(backup).at(-1) ?? "", ...names);

/** Runs `restore` into a new place on SQLite and files. Returns how it ended, and whether there is a database. */
async function restored(backup: string, ...more: string[]) {
  const to = await newPlace("sqlite");
  try {
    const { exitCode, stderr, stdout } = await to.run("backup", "restore", backup, ...more);
    return { exitCode, stderr, stdout, hasDatabase: existsSync(to.databaseName) };
  } finally {
    await to.remove();
  }
}

describe("backup create", () => {
  test("while versions are published and gc runs, saves everything that was acknowledged before", () =>
    withBackup((backup) =>
      withPlaces([["sqlite", "files"]], async (from) => {
        await whileRunning(from, async (registry) => {
          const alice = await newAccount(registry);
          await publishAs(alice, "before");
          const mark = { NODE_ENV: "test", FAILPOINTS: "backup.database=stop", BACKUP_TEST: backup };
          const running = from.runWith(mark, "backup", "create", backup);
          await waitUntil(() => statesOf(`BACKUP_TEST=${backup}`).includes("T"), "the backup has the database");
          for (let number = 0; number < 3; number += 1) await publishAs(alice, `during-${number}`);
          expect((await from.run("gc", "--grace", "0s")).exitCode).toBe(0);
          for (const pid of pidsWith(`BACKUP_TEST=${backup}`)) process.kill(pid, "SIGCONT");
          expect((await running).exitCode).toBe(0);
        });
        expect((await from.run("backup", "verify", backup)).exitCode).toBe(0);
        await withPlaces([["sqlite", "files"]], async (to) => {
          const { stdout } = await to.run("backup", "restore", backup, "--json");
          expect(JSON.parse(stdout)).toMatchObject({ packages: 1, versions: 1, lacking: [] });
          expect((await to.run("fsck")).exitCode).toBe(0);
        });
      }),
    ));

  test("copies only what is new, keeps as many snapshots as asked for, and removes archives of none", () =>
    onBackedUp(async (place, backup) => {
      await whileRunning(place, async (registry) => publishAs(await newAccount(registry), "second"));
      const stray = await plant(join(backup, "archives"), new Uint8Array([1, 2, 3]), HOUR_MS);
      const second = JSON.parse((await place.run("backup", "create", backup, "--json")).stdout);
      expect([second.copied.count, second.present.count, snapshotsOf(backup).length]).toEqual([1, 1, 2]);
      expect(isStored(join(backup, "archives"), stray)).toBe(true);
      const third = JSON.parse((await place.run("backup", "create", backup, "--keep", "2", "--json")).stdout);
      expect([third.copied.count, third.present.count, snapshotsOf(backup).length]).toEqual([0, 2, 2]);
      expect(third.pruned).toMatchObject({ archives: { count: 1 } });
      expect(isStored(join(backup, "archives"), stray)).toBe(false);
      expect(snapshotsOf(backup)).toEqual([second.snapshot, third.snapshot]);
      expect((await place.run("backup", "verify", backup)).stdout).toContain("no problems");
      expect((await place.run("backup", "create", backup, "--keep", "0")).exitCode).toBe(64);
    }));

  test("of a database behind its log makes no snapshot and removes none, and fsck reports it", () =>
    onBackedUp(async (place, backup) => {
      const old = join(place.dataDir, "old.db");
      cpSync(place.databaseName, old);
      const noted = readFileSync(join(place.dataDir, "log/last-backup"), "utf8");
      await whileRunning(place, async (registry) => publishAs(await newAccount(registry), "second"));
      for (const name of ["registry.db-wal", "registry.db-shm"]) rmSync(join(place.dataDir, name), { force: true });
      cpSync(old, place.databaseName);
      const before = snapshotsOf(backup);
      const refused = await place.run("backup", "create", backup, "--keep", "1");
      const reason = expect.stringContaining("the database is behind its log: 2 leaves were published");
      expect([refused.exitCode, refused.stderr]).toEqual([1, reason]);
      expect(refused.stderr).toContain("log recover --dry-run");
      expect(snapshotsOf(backup)).toEqual(before);
      expect(readFileSync(join(place.dataDir, "log/last-backup"), "utf8")).toBe(noted);
      const checked = await place.run("fsck");
      expect([checked.exitCode, checked.stdout]).toEqual([
        1,
        expect.stringContaining("The database is behind its log: 2 leaves were published"),
      ]);
      expect((await place.run("log", "recover")).exitCode).toBe(0);
      expect((await place.run("fsck")).exitCode).toBe(0);
      expect((await place.run("backup", "create", backup, "--keep", "1")).exitCode).toBe(0);
      expect(snapshotsOf(backup).length).toBe(1);
    }));

  test("whose log cannot be compared is made, and does not count as a success", () =>
    onBackedUp(async (place, backup) => {
      const checkpoint = join(place.dataDir, "log/checkpoint");
      rmSync(checkpoint);
      mkdirSync(checkpoint);
      const made = await place.run("backup", "create", backup, "--keep", "1", "--json");
      expect([made.exitCode, snapshotsOf(backup).length]).toEqual([1, 2]);
      expect(JSON.parse(made.stdout)).toMatchObject({ lacking: [], pruned: null, notCompared: "EISDIR" });
    }));

  test("writes files that only their owner can read, and private keys only if asked for", () =>
    withBackup((backup) =>
      withPlaces([["sqlite", "files"]], async (place) => {
        const env = { JWT_KEY: "", LOG_SIGNING_KEY: "", LOG_ORIGIN: "registry.test/log" };
        expect((await place.runWith(env, "log", "key")).exitCode).toBe(0);
        expect((await place.runWith(env, "migrate")).exitCode).toBe(0);
        const secret = readFileSync(join(place.dataDir, "log.key"), "utf8").trim();
        const filesIn = () =>
          readdirSync(backup, { recursive: true, encoding: "utf8" })
            .map((name) => join(backup, name))
            .filter((path) => statSync(path).isFile());
        expect((await place.runWith(env, "backup", "create", backup)).exitCode).toBe(0);
        expect(filesIn().filter((path) => readFileSync(path).includes(secret))).toEqual([]);
        expect((await place.runWith(env, "backup", "create", backup, "--with-keys")).stdout).toContain("log.key");
        expect(filesIn().filter((path) => readFileSync(path).includes(secret))).toEqual([
          inSnapshot(backup, "keys", "log.key"),
        ]);
        for (const path of [backup, ...filesIn()]) expect([path, statSync(path).mode & 0o077]).toEqual([path, 0]);
        await withPlaces([["sqlite", "files"]], async (to) => {
          expect((await to.runWith(env, "backup", "restore", backup)).stdout).toContain("Put log.key into");
          expect(readFileSync(join(to.dataDir, "log.key"), "utf8").trim()).toBe(secret);
          expect(statSync(join(to.dataDir, "log.key")).mode & 0o777).toBe(0o600);
        });
      }),
    ));

  test("names archives that are damaged or missing, saves the rest, and does not count as a success", () =>
    withBackup((backup) =>
      withPlaces([["sqlite", "files"]], async (place) => {
        const digests = await whileRunning(place, async (registry) => {
          const alice = await newAccount(registry);
          const made: string[] = [];
          for (const name of ["whole", "broken", "gone"]) made.push(await publishAs(alice, name));
          return made;
        });
        const [, broken = "", gone = ""] = digests;
        const store = join(place.dataDir, "packages");
        writeFileSync(pathOf(store, broken), "something else");
        rmSync(pathOf(store, gone));
        const { exitCode, stdout } = await place.run("backup", "create", backup);
        expect(exitCode).toBe(1);
        expect(stdout).toContain(`broken 1.0.0 (${broken}): its 14 bytes have sha256`);
        expect(stdout).toContain(`gone 1.0.0 (${gone}): it is not stored`);
        const blobs = await openFileStore(store, noFailpoints, async () => undefined, place.dataDir);
        expect(await lastBackup(blobs)).toBeUndefined();
        await noteBackup(blobs, new Date(5_000));
        expect(await lastBackup(blobs)).toEqual(new Date(5_000));
        const verified = await place.run("backup", "verify", backup, "--json");
        const { problems } = JSON.parse(verified.stdout);
        expect(problems.map(({ package: name, sinceBackup }: never) => [name, sinceBackup]).sort()).toEqual([
          ["broken", false],
          ["gone", false],
        ]);
        const back = await restored(backup, "--json");
        expect([back.exitCode, back.hasDatabase, JSON.parse(back.stdout).lacking.length]).toEqual([1, true, 2]);
      }),
    ));

  test("with something damaged removes no old snapshot, and goes on after one whose manifest was cut", () =>
    onBackedUp(async (place, backup) => {
      const lost = await whileRunning(place, async (registry) => publishAs(await newAccount(registry), "lost"));
      rmSync(pathOf(join(place.dataDir, "packages"), lost));
      const damaged = await place.run("backup", "create", backup, "--keep", "1", "--json");
      expect([damaged.exitCode, JSON.parse(damaged.stdout).pruned, snapshotsOf(backup).length]).toEqual([1, null, 2]);
      cut(inSnapshot(backup, "manifest.json"));
      expect((await place.run("backup", "create", backup)).exitCode).toBe(1);
      expect(snapshotsOf(backup)).toHaveLength(3);
    }));

  test("names a snapshot after the last one although the clock was set back", () => {
    const [early, late] = [new Date("2026-01-02T03:04:05.006Z"), new Date("2026-01-02T03:04:05.999Z")];
    expect(snapshotIdOf(late, undefined)).toBe("20260102T030405.999Z");
    expect(snapshotIdOf(late, snapshotIdOf(early, undefined))).toBe("20260102T030405.999Z");
    expect(snapshotIdOf(early, "20260102T030405.999Z")).toBe("20260102T030406.000Z");
    expect(snapshotIdOf(early, "20260102T030405.006Z")).toBe("20260102T030405.007Z");
  });

  test("has from an earlier run what is damaged by now", () =>
    onBackedUp(async (place, backup, digest) => {
      rmSync(pathOf(join(place.dataDir, "packages"), digest));
      expect((await place.run("backup", "create", backup)).exitCode).toBe(0);
      const back = await restored(backup);
      expect([back.exitCode, back.stderr]).toEqual([0, ""]);
    }));

  test("of a database that cannot be read says what is damaged, saves the archives, and leaves the last snapshot", () =>
    onBackedUp(async (place, backup) => {
      const digest = await whileRunning(place, async (registry) => publishAs(await newAccount(registry), "later"));
      const bytes = readFileSync(place.databaseName);
      bytes.fill(0x41, 8_192, bytes.length - 8_192);
      writeFileSync(place.databaseName, bytes);
      const before = snapshotsOf(backup);
      const { exitCode, stdout } = await place.run("backup", "create", backup);
      expect([exitCode, stdout]).toEqual([1, expect.stringContaining("The database is damaged:")]);
      expect(stdout).toContain("No snapshot was made.");
      expect(isStored(join(backup, "archives"), digest)).toBe(true);
      expect(snapshotsOf(backup)).toEqual(before);
      expect((await restored(backup)).exitCode).toBe(0);
    }));

  test("is listed by its snapshots, and says of one that it cannot be read", () =>
    onBackedUp(async (place, backup) => {
      const [id = ""] = snapshotsOf(backup);
      const listed = await place.run("backup", "list", backup, "--json");
      expect([listed.exitCode, JSON.parse(listed.stdout).snapshots]).toEqual([
        0,
        [expect.objectContaining({ snapshot: id, packages: 1, versions: 1, lacking: 0, keys: [] })],
      ]);
      const other = await place.run("backup", "verify", backup, "--snapshot", "yesterday");
      expect([other.exitCode, other.stdout]).toEqual([1, expect.stringContaining(`backup list ${backup}`)]);
      writeFileSync(inSnapshot(backup, "manifest.json"), "{}");
      const { exitCode, stdout } = await place.run("backup", "list", backup);
      expect([exitCode, stdout]).toEqual([1, expect.stringContaining(`the snapshot ${id} cannot be used`)]);
    }));

  test("refuses a directory of something else, a backup of another registry, and one that is being written", () =>
    onBackedUp(async (place, backup) => {
      const create = async (directory: string, by = place) => (await by.run("backup", "create", directory)).stderr;
      expect(await create(place.dataDir)).toContain("is not empty and is not a backup. Name a new directory.");
      const release = takeProcessLock(join(backup, "lock"));
      expect(await create(backup)).toContain(`another command works on ${backup}`);
      release?.();
      await withPlaces([["sqlite", "files"]], async (other) => {
        const env = { LOG_SIGNING_KEY: "", LOG_ORIGIN: "other.test/log" };
        const { startRegistry } = await import("../support/registry.ts");
        await (await startRegistry("sqlite", { env: { ...other.settings, ...env } })).stop();
        const refused = await other.runWith(env, "backup", "create", backup);
        expect(refused.stderr).toContain("is a backup of another registry, whose log is registry.test/log");
        expect(snapshotsOf(backup)).toHaveLength(1);
      });
    }));
});

function pidsWith(setting: string): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(setting);
    } catch {
      return false;
    }
  });
}

describe("a backup that was cut or altered", () => {
  const DAMAGES: readonly [what: string, damage: (backup: string, digest: string) => void, reason: string][] = [
    ["manifest was cut", (backup) => cut(inSnapshot(backup, "manifest.json")), "manifest.json was cut or altered"],
    [
      "manifest was altered",
      (backup) => alter(inSnapshot(backup, "manifest.json")),
      "manifest.json was cut or altered",
    ],
    ["database is missing", (backup) => rmSync(inSnapshot(backup, "registry.db")), "registry.db is missing"],
    ["database was cut", (backup) => cut(inSnapshot(backup, "registry.db")), "registry.db has "],
    ["database was altered", (backup) => alter(inSnapshot(backup, "registry.db")), "registry.db was altered"],
    ["archive is missing", (backup, digest) => rmSync(archiveOf(backup, digest)), "the archive is missing"],
    ["archive was cut", (backup, digest) => cut(archiveOf(backup, digest)), "the archive has "],
    ["archive was altered", (backup, digest) => alter(archiveOf(backup, digest)), "the archive was altered"],
  ];
  test(`is found by verify and refused by restore, with the reason: ${DAMAGES.map(([what]) => what).join(", ")}`, () =>
    onBackedUp(async (place, whole, digest) => {
      for (const [what, damage, reason] of DAMAGES) {
        const backup = `${whole}-${DAMAGES.findIndex(([one]) => one === what)}`;
        cpSync(whole, backup, { recursive: true });
        damage(backup, digest);
        const { problems } = await verifyBackup(backup, undefined, quiet);
        expect([what, problems.count, problems.items[0]?.detail]).toEqual([what, 1, expect.stringContaining(reason)]);
        const { target, options, database, refused } = await restoreHere(backup, undefined);
        expect(refused).toBeInstanceOf(OperatorError);
        expect(refused.message).toContain(reason);
        expect(existsSync(database.path)).toBe(false);
        if (!reason.includes("archive")) continue;
        const partial = await restoreBackup(target, { ...options, partial: true });
        expect([partial.lacking.length, existsSync(database.path)]).toEqual([1, true]);
      }
      const verified = await place.run("backup", "verify", `${whole}-1`);
      expect([verified.exitCode, verified.stdout]).toEqual([1, expect.stringContaining("cut or altered")]);
    }));
});

/** Restores a backup beside itself, in this process. */
async function restoreHere(backup: string, keysDir: string | undefined) {
  const blobs = await openFileStore(join(backup, "to"));
  const database = { kind: "sqlite", path: join(backup, "to.db") } as const;
  const target = { blobs, database, keysDir, clock: () => new Date(), failpoints: noFailpoints };
  const options = { backup, snapshot: undefined, reuseStorage: false, report: quiet };
  const refused = await restoreBackup(target, { ...options, partial: false }).catch((cause) => cause);
  return { target, options, database, refused };
}

/** Changes a snapshot as somebody does who can write to the backup, with the right digests. */
function forge(
  backup: string,
  changeDatabase: (client: Database) => void,
  changeManifest: (manifest: Manifest) => object,
) {
  const client = new Database(inSnapshot(backup, "registry.db"));
  changeDatabase(client);
  client.close();
  const { manifestSha256: _, ...manifest } = JSON.parse(readFileSync(inSnapshot(backup, "manifest.json"), "utf8"));
  const bytes = readFileSync(inSnapshot(backup, "registry.db"));
  const database = { ...manifest.database, size: bytes.length, sha256: sha256(bytes) };
  const changed = changeManifest({ ...manifest, database });
  writeFileSync(inSnapshot(backup, "manifest.json"), manifestText(changed as Manifest));
}

describe("a backup that somebody else can write to", () => {
  const nothing = () => undefined;

  test("restores no file under a name of its choice", () =>
    onBackedUp(async (_, backup) => {
      const evil = Buffer.from("evil");
      const key = (name: string) => ({ name, size: evil.length, sha256: sha256(evil) });
      mkdirSync(inSnapshot(backup, "keys"));
      writeFileSync(inSnapshot(backup, "keys", "other.key"), evil);
      writeFileSync(join(backup, "planted"), evil);
      const { database } = JSON.parse(readFileSync(inSnapshot(backup, "manifest.json"), "utf8"));
      const forgeries = [
        { keys: [key("../../../planted")] },
        { keys: [key("other.key")] },
        { database: { ...database, name: "../../lock" } },
      ];
      const keysDir = join(backup, "a", "b", "c");
      mkdirSync(keysDir, { recursive: true });
      for (const change of forgeries) {
        forge(backup, nothing, (manifest) => ({ ...manifest, ...change }));
        const { refused, database } = await restoreHere(backup, keysDir);
        expect(refused).toBeInstanceOf(OperatorError);
        expect(refused.message).toContain("manifest.json was cut or altered");
        expect([existsSync(database.path), readdirSync(join(backup, "a"))]).toEqual([false, ["b"]]);
      }
    }));

  test("restores no trigger and no view", () =>
    onBackedUp(async (_, backup) => {
      const change = (client: Database) => {
        client.run(`CREATE TRIGGER "a ""thief""" AFTER INSERT ON events BEGIN UPDATE users SET role = 'admin'; END`);
        client.run("CREATE VIEW every_user AS SELECT * FROM users");
        client.run("CREATE TRIGGER on_view INSTEAD OF INSERT ON every_user BEGIN DELETE FROM users; END");
      };
      forge(backup, change, (manifest) => manifest);
      await withPlaces([["sqlite", "files"]], async (to) => {
        expect((await to.run("backup", "restore", backup)).stderr).toBe("");
        const client = new Database(to.databaseName, { readonly: true });
        expect(client.query("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view')").all()).toEqual([]);
        client.close();
        expect((await to.run("fsck")).exitCode).toBe(0);
      });
    }));
});

const quiet = () => undefined;
const archiveOf = (backup: string, digest: string) => pathOf(join(backup, "archives"), digest);
const cut = (path: string) => writeFileSync(path, readFileSync(path).subarray(0, statSync(path).size - 100));
function alter(path: string): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = bytes[at] === 0x30 ? 0x31 : 0x30;
  writeFileSync(path, bytes);
}

describe("backup restore", () => {
  test("refuses a place that is not empty, and a storage that survived unless told so", () =>
    onBackedUp(async (place, backup, digest) => {
      const there = await place.run("backup", "restore", backup);
      expect([there.exitCode, there.stderr]).toEqual([1, expect.stringContaining("registry.db already. Move it away")]);
      await withPlaces([["sqlite", "files"]], async (to) => {
        const store = join(to.dataDir, "packages");
        const stray = await plant(store, new Uint8Array([1, 2, 3]), 0);
        const refused = await to.run("backup", "restore", backup);
        expect(refused.stderr).toContain("the storage is not empty");
        expect(refused.stderr).toContain("--reuse-storage");
        expect(existsSync(to.databaseName)).toBe(false);
        expect((await to.run("backup", "restore", backup, "--reuse-storage")).exitCode).toBe(0);
        expect([isStored(store, stray), isStored(store, digest)]).toEqual([true, true]);
      });
    }));

  test("leaves the files of a log that is newer, and the registry then notices the rollback", () =>
    onBackedUp(async (place, backup) => {
      await whileRunning(place, async (registry) => {
        await publishAs(await newAccount(registry), "later");
        await waitUntil(() => readCheckpoint(place).includes("\n2\n"), "the newer checkpoint is beside the archives");
      });
      const checkpoint = readCheckpoint(place);
      for (const suffix of ["", "-wal", "-shm"]) rmSync(place.databaseName + suffix, { force: true });
      expect((await place.run("backup", "restore", backup)).stderr).toContain("it has the checkpoint of a log");
      const { exitCode, stdout } = await place.run("backup", "restore", backup, "--reuse-storage");
      expect([exitCode, stdout]).toEqual([
        0,
        expect.stringContaining("Before you start the registry: the database is"),
      ]);
      expect(stdout).toContain("cpm-registry log recover --dry-run");
      expect(readCheckpoint(place)).toBe(checkpoint);
      const { stdout: preview } = await place.run("log", "accept-rollback");
      expect(preview).toContain("First run cpm-registry log recover --dry-run");
      await whileRunning(place, async ({ deps }) => {
        expect(deps.log.rollback).toEqual({ publishedSize: 2, foundSize: 1 });
      });
    }));

  test.each<DatabaseKind>(["sqlite", "postgres"])(
    "brings an older schema up to date in %s, and refuses a newer one",
    (kind) =>
      withBackup((backup) =>
        withPlaces([[kind, "files"]], async (to) => {
          const old = await oldDatabase("sqlite");
          try {
            await migrateBefore(old, "_finding");
            await old.run("INSERT INTO users VALUES ('u1', 'ada', 'ada', 'a@b', 'a@b', 'x', 'admin', 1, NULL, 'ada')");
            const blobs = await openFileStore(join(to.dataDir, "from"));
            const deps = { blobs, clock: () => new Date(), failpoints: noFailpoints };
            const reports = { reportRows: quiet, reportArchives: quiet };
            const source = { ...deps, database: old.config, storage: "files" as const };
            const made = await createBackup(source, {
              backup,
              keys: new Map(),
              keep: undefined,
              isCompared: true,
              ...reports,
            });
            expect(made.manifest.database.migrations.at(-1)?.name).not.toContain("finding");
            const { database } = (await import("../../src/config/config.ts")).readConfig(undefined, to.settings);
            const target = {
              ...deps,
              database,
              blobs: await openFileStore(join(to.dataDir, "to")),
              keysDir: undefined,
            };
            const options = { backup, snapshot: undefined, reuseStorage: false, partial: false, report: quiet };
            await restoreBackup(target, options);
            expect((await migrationState(database)).pending).toEqual([]);
            await whileRunning(to, async ({ deps: { db } }) => {
              const users = await db.read(({ query, tables }) => query.select().from(tables.users));
              expect(users).toMatchObject([{ id: "u1", username: "ada", createdAt: new Date(1) }]);
            });
            await old.run("INSERT INTO schema_migrations VALUES ('9999_later', 'x', '')");
            const { stderr } = await makeAndRestore(source, options, backup);
            expect(stderr).toContain("has migration 9999_later of a newer cpm-registry");
          } finally {
            await old.close();
          }
        }),
      ),
  );
});

async function makeAndRestore(
  source: Parameters<typeof createBackup>[0],
  { report }: { report: () => undefined },
  backup: string,
) {
  const options = { backup, keys: new Map(), keep: undefined, isCompared: true };
  await createBackup(source, { ...options, reportRows: report, reportArchives: report });
  return restored(backup);
}

function readCheckpoint({ dataDir }: Place): string {
  try {
    return readFileSync(join(dataDir, "log/checkpoint"), "utf8");
  } catch {
    return "";
  }
}
