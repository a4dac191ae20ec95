import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { pathOf } from "../maintenance/scene.ts";
import { BECAUSE, expectCleanAudit, expectGone, marked, publish, traces } from "../maintenance/takedown-scene.ts";
import { newAccount } from "../support/client.ts";
import { whileRunning, withPlaces } from "../support/places.ts";

/* `admin purge` that is killed. */

describe("admin purge", () => {
  test("that is killed at any step leaves a version that nobody gets, and is finished by another", () =>
    withPlaces([["sqlite", "files"]], async (place) => {
      await whileRunning(place, async (registry) => {
        const ada = await newAccount(registry);
        for (const [at, point] of ["purge.recorded", "purge.removed", "purge.erased"].entries()) {
          const version = `1.${at}.0`;
          const digest = await publish(ada, "cut", version, marked("cut", version));
          const killing = { NODE_ENV: "test", FAILPOINTS: `${point}=kill` };
          const killed = await place.runWith(killing, "admin", "purge", "cut", version, ...BECAUSE);
          expect([killed.stderr, killed.exitCode]).toEqual(["", 137]);
          await expectGone(registry, `cut/${version}`, "secret");
          const isThere =
            statSync(pathOf(join(place.dataDir, "packages"), digest), { throwIfNoEntry: false }) !== undefined;
          expect([point, isThere]).toEqual([point, point === "purge.recorded"]);
          const found = await place.run("fsck", "--json");
          const problems = JSON.parse(found.stdout).problems.map(({ problem }: { problem: string }) => problem);
          expect(problems).toEqual(isThere ? ["not_removed"] : []);
          const finished = await place.run("admin", "purge", "cut", version, ...BECAUSE);
          expect([finished.stderr, finished.exitCode]).toEqual(["", 0]);
          expect(await traces(place)).toEqual([]);
        }
        await expectCleanAudit(place, registry, "3 are withheld or taken down");
      });
    }));

  test("that stopped before it removed the archive is finished by gc, and a backup does not miss the archive", () =>
    withPlaces([["sqlite", "files"]], async (place) => {
      await whileRunning(place, async (registry) => {
        const digest = await publish(await newAccount(registry), "cut", "1.0.0");
        const killing = { NODE_ENV: "test", FAILPOINTS: "purge.recorded=kill" };
        await place.runWith(killing, "admin", "purge", "cut", "1.0.0", ...BECAUSE);
        const collected = await place.run("gc", "--grace", "0s");
        expect([collected.stderr, collected.exitCode]).toEqual(["", 0]);
        const path = pathOf(join(place.dataDir, "packages"), digest);
        expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
        const backup = join(place.dataDir, "backup");
        expect(await place.run("backup", "create", backup)).toMatchObject({ exitCode: 0, stderr: "" });
        expect(await place.run("backup", "verify", backup)).toMatchObject({ exitCode: 0, stderr: "" });
      });
    }));
});
