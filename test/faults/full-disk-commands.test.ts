import { describe, expect, test } from "bun:test";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readNamedDatabase } from "../../src/config/named-database.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { BECAUSE, MARKER } from "../maintenance/takedown-scene.ts";
import { LosingRegistry } from "../recovery/scene.ts";
import { shown } from "../recovery/shown.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { newPlace, whileRunning } from "../support/places.ts";
import { Verifier } from "../verify/scene.ts";
import { Chance } from "./chance.ts";
import { reasonAgainstTmpfs } from "./mounts.ts";
import { rowDigests } from "./row-digests.ts";
import { onSmallDisk } from "./small-disk.ts";

/*
 * A disk that fills up in the middle of a command that writes the database. Backups are in
 * backup.test.ts.
 */

const KIB = 1_024;
const NAME = "bulky";

const reason = reasonAgainstTmpfs();
if (reason !== undefined) console.warn(`Skipped: no small file system can be made here, ${reason}`);

/** Publishes versions whose READMEs need about 200 KiB of the database each. */
async function publish(by: Client, key: ReturnType<typeof makeKey>, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const version = `1.${number}.0`;
    const noise = Buffer.from(new Chance(number).bytes(150 * KIB)).toString("base64");
    const files = { "README.md": `${MARKER}${version}\n${noise}` };
    const { status, text } = await by.publish(NAME, version, makePackage({ name: NAME, version, files }), key);
    if (status !== 201) throw new Error(`${version} was not published: ${status} ${text}`);
  }
}

/** Removes the room that a registry keeps for commands. */
function removeReserves(dataDir: string): void {
  for (const name of ["registry.reserve", "registry.reserve-commands"]) rmSync(join(dataDir, name), { force: true });
}

/** What a command says on a full disk. */
const ADVICE = expect.stringContaining("Free some space, then");

describe.skipIf(reason !== undefined)("a full disk", () => {
  test(
    "in the middle of db copy leaves no file, and the next run copies every row",
    () =>
      onSmallDisk(8, async ({ path, fill, clear }) => {
        const from = await newPlace("sqlite");
        try {
          await whileRunning(from, async (registry) => publish(await newAccount(registry), makeKey(), 4));
          const source = await rowDigests(readNamedDatabase("--from", from.databaseName));
          const target = join(path, "registry.db");
          const copy = ["db", "copy", "--from", from.databaseName, "--to", target];
          for (const freeBytes of [0, 300 * KIB, 900 * KIB]) {
            fill(freeBytes);
            const { exitCode, stderr } = await from.run(...copy);
            expect([freeBytes, exitCode, stderr]).toEqual([freeBytes, 1, ADVICE]);
            expect(readdirSync(path)).toEqual(["filler"]);
          }
          clear();
          expect(await from.run(...copy)).toMatchObject({ exitCode: 0, stderr: "" });
          expect(await rowDigests(readNamedDatabase("--from", target))).toEqual(source);
        } finally {
          await from.remove();
        }
      }),
    120_000,
  );

  test(
    "in the middle of log recover loses nothing, and the next run brings everything back",
    () =>
      onSmallDisk(24, async ({ path, fill, clear }) => {
        const registry = await LosingRegistry.make("sqlite", "files", path);
        const auditor = await Verifier.make();
        const audit = () => auditor.ask("log", "audit", "--registry", registry.url, "--archives");
        try {
          await registry.start();
          const alice = await newAccount(registry);
          await registry.snapshot();
          await publish(alice, makeKey(), 8);
          await registry.announced();
          const published = await shown(registry.url, [NAME]);
          expect((await audit()).exitCode).toBe(0);
          await registry.stop();
          await registry.restore();
          for (const freeBytes of [0, 150 * KIB, 700 * KIB]) {
            removeReserves(registry.dataDir);
            fill(freeBytes);
            const { exitCode, stderr } = await registry.recoverAsProcess();
            expect([freeBytes, exitCode, stderr]).toEqual([freeBytes, 1, ADVICE]);
          }
          clear();
          expect(await registry.recoverAsProcess()).toMatchObject({ exitCode: 0, stderr: "" });
          await registry.start();
          expect(await shown(registry.url, [NAME])).toEqual(published);
          const checked = await checkStore(registry.deps, { repair: false, report: () => undefined });
          expect([checked.problems.items, checked.orphans.count]).toEqual([[], 0]);
          expect(await audit()).toMatchObject({ exitCode: 0, codes: [] });
        } finally {
          await registry.remove();
          await auditor.remove();
        }
      }),
    120_000,
  );

  test(
    "in the middle of admin purge says what remains, and the next run erases it",
    () =>
      onSmallDisk(16, async ({ path, fill, clear }) => {
        const place = await newPlace("sqlite", "files", path);
        const purge = (version: string) => place.run("admin", "purge", NAME, version, ...BECAUSE);
        try {
          await whileRunning(place, async (registry) => publish(await newAccount(registry), makeKey(), 4));
          for (const [version, freeBytes] of [
            ["1.0.0", 0],
            ["1.1.0", 400 * KIB],
          ] as const) {
            removeReserves(place.dataDir);
            fill(freeBytes);
            const failed = await purge(version);
            expect([version, failed.exitCode, failed.stderr]).toEqual([version, 1, ADVICE]);
            clear();
            expect(await purge(version)).toMatchObject({ exitCode: 0, stderr: "" });
          }
          const checked = await place.run("fsck");
          expect([checked.stdout, checked.exitCode]).toEqual([expect.stringContaining("no problems"), 0]);
          const database = await Bun.file(join(place.dataDir, "registry.db")).text();
          expect(["1.0.0", "1.1.0", "1.2.0"].map((version) => database.includes(`${MARKER}${version}`))).toEqual([
            false,
            false,
            true,
          ]);
        } finally {
          await place.remove();
        }
      }),
    120_000,
  );
});
