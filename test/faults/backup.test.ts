import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { FAILPOINTS } from "../../src/runtime/failpoints.ts";
import { newAccount } from "../support/client.ts";
import { newPlace, whileRunning } from "../support/places.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { onOutdatedBackup, publish, restoredVersions, verified } from "./backup-scene.ts";
import { reasonAgainstTmpfs } from "./mounts.ts";
import { onSmallDisk } from "./small-disk.ts";

/* A backup or a restore that is killed at each of its steps, or whose disk is full. */

const KILLED = 137;
const KIB = 1_024;
const pointsOf = (command: "backup" | "restore") => FAILPOINTS.filter((point) => point.startsWith(`${command}.`));

const reason = reasonAgainstTmpfs();
if (reason !== undefined) console.warn(`Skipped: no small file system can be made here, ${reason}`);

const killedAt = (point: string, hit = 1) => ({ NODE_ENV: "test", FAILPOINTS: `${point}=kill@${hit}` });

describe.each<DatabaseKind>(["sqlite", "postgres"])("a backup of %s that is killed", (database) => {
  test.each(pointsOf("backup"))(
    "at %s leaves a whole snapshot, and the next run continues",
    (point) =>
      onOutdatedBackup(database, async (place, backup) => {
        const hit = point === "backup.archive" ? 2 : 1;
        const { exitCode } = await place.runWith(killedAt(point, hit), "backup", "create", backup, "--keep", "1");
        expect(exitCode).toBe(KILLED);
        expect(await verified(backup)).toMatchObject({ exitCode: 0, problemCount: 0 });
        const isNew = ["backup.complete", "backup.pruned"].includes(point);
        expect(await restoredVersions(backup)).toBe(isNew ? 3 : 1);
        const again = await place.run("backup", "create", backup, "--keep", "1", "--json");
        expect([again.stderr, again.exitCode]).toEqual(["", 0]);
        if (point === "backup.archives") expect(JSON.parse(again.stdout)).toMatchObject({ copied: { count: 0 } });
        expect(readdirSync(join(backup, "snapshots"))).toEqual([JSON.parse(again.stdout).snapshot]);
        expect(await verified(backup)).toMatchObject({ exitCode: 0, interrupted: [], archives: { count: 3 } });
        expect(await restoredVersions(backup)).toBe(3);
      }),
    60_000,
  );
});

describe.each<DatabaseKind>(["sqlite", "postgres"])("a restore into %s that is killed", (database) => {
  test.each(pointsOf("restore"))(
    "at %s leaves nothing or all, and can be run again",
    (point) =>
      onOutdatedBackup("sqlite", async (place, backup) => {
        expect((await place.run("backup", "create", backup)).exitCode).toBe(0);
        const to = await newPlace(database);
        try {
          const { exitCode } = await to.runWith(killedAt(point), "backup", "restore", backup);
          expect(exitCode).toBe(KILLED);
          const again = await to.run("backup", "restore", backup);
          if (point === "restore.database") expect(again.stderr).toMatch(/already|not empty/);
          else expect([again.stderr, again.exitCode]).toEqual(["", 0]);
          const checked = await to.run("fsck", "--json");
          expect(JSON.parse(checked.stdout)).toMatchObject({ checked: 3, problemCount: 0 });
        } finally {
          await to.remove();
        }
      }),
    60_000,
  );
});

describe.skipIf(reason !== undefined)("a full disk", () => {
  test.each([
    ["the database", 64 * KIB],
    ["the archives", 1_400 * KIB],
  ])(
    "in the middle of a backup, when there is no room for %s, leaves the registry and the last snapshot whole",
    (_, freeBytes) =>
      onSmallDisk(8, async ({ path, fill, clear }) => {
        const place = await newPlace("sqlite");
        const backup = join(path, "backup");
        try {
          await whileRunning(place, async (registry) => {
            const alice = await newAccount(registry);
            await publish(alice, "first");
            expect((await place.run("backup", "create", backup)).exitCode).toBe(0);
            for (let number = 0; number < 4; number += 1) await publish(alice, `large-${number}`, 400 * KIB);
            fill(freeBytes);
            const failed = await place.run("backup", "create", backup);
            expect([failed.exitCode, failed.stderr]).toEqual([
              1,
              expect.stringContaining("Free some space, then try again"),
            ]);
            await publish(alice, "later");
          });
          expect(readdirSync(join(backup, "snapshots"))).toHaveLength(1);
          expect(await verified(backup)).toMatchObject({ exitCode: 0, problemCount: 0, interrupted: [] });
          expect(await restoredVersions(backup)).toBe(1);
          clear();
          expect((await place.run("backup", "create", backup, "--keep", "1")).exitCode).toBe(0);
          expect(await restoredVersions(backup)).toBe(6);
        } finally {
          await place.remove();
        }
      }),
    60_000,
  );

  test.each([
    ["the archives", 4 * KIB],
    ["the database", 300 * KIB],
  ])(
    "in the middle of a restore, when there is no room for %s, leaves no database, and the next run continues",
    (_, freeBytes) =>
      onSmallDisk(8, async ({ path, fill, clear }) => {
        await onOutdatedBackup("sqlite", async (place, backup) => {
          const settings = { DATA_DIR: join(path, "data") };
          fill(freeBytes);
          const failed = await place.runWith(settings, "backup", "restore", backup);
          expect([failed.exitCode, failed.stderr]).toEqual([
            1,
            expect.stringContaining("Free some space, then try again"),
          ]);
          expect(existsSync(join(path, "data/registry.db"))).toBe(false);
          clear();
          const again = await place.runWith(settings, "backup", "restore", backup);
          expect([again.stderr, again.exitCode]).toEqual(["", 0]);
          expect((await place.runWith(settings, "fsck")).exitCode).toBe(0);
        });
      }),
    60_000,
  );
});
