import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { FAILPOINTS } from "../../src/runtime/failpoints.ts";
import { BECAUSE, marked, publish, traces } from "../maintenance/takedown-scene.ts";
import { newAccount } from "../support/client.ts";
import { newPlace, type Place } from "../support/places.ts";
import { cutDuring, type Moment } from "./cut-command.ts";
import { type Disk, makeDisk, reasonAgainstPowerCuts } from "./power-cut.ts";
import { prepareServer } from "./server.ts";

/* A power cut of `admin purge`, and as soon as it is answered: what was erased must not come back. */

const POINTS = FAILPOINTS.filter((point) => point.startsWith("purge."));
const PURGE = ["admin", "purge", "leak", "1.0.0", ...BECAUSE];

const reason = reasonAgainstPowerCuts();
if (reason !== undefined) console.warn(`Skipped: no power can be cut here, ${reason}`);

/**
 * Runs `work` with a registry that was killed, so the WAL has what was published. It is on a disk,
 * or its archives alone are.
 */
async function onDisk(layout: "registry" | "archives", work: (disk: Disk, place: Place) => Promise<void>) {
  const disk = makeDisk(64);
  const place = await newPlace("sqlite", "files", layout === "registry" ? disk.path : undefined);
  const server = await prepareServer(place.dataDir);
  try {
    if (layout === "archives") {
      mkdirSync(join(disk.path, "packages"));
      symlinkSync(join(disk.path, "packages"), join(place.dataDir, "packages"));
    }
    await server.start();
    const alice = await newAccount(server);
    await publish(alice, "fine", "1.0.0");
    await publish(alice, "leak", "1.0.0", marked("leak", "1.0.0"));
    await server.kill();
    Bun.spawnSync(["sync", "--file-system", disk.path]);
    await work(disk, place);
  } finally {
    await server.remove();
    await place.remove();
    disk.remove();
  }
}

/** The files with something of the version, also where only the archives are on a disk of their own. */
const left = async (disk: Disk, place: Place) => [
  ...new Set([...(await traces(place)), ...(await traces({ ...place, dataDir: disk.path }))]),
];

describe.skipIf(reason !== undefined)("a power cut of admin purge", () => {
  test.each(["registry", "archives"] as const)(
    "right after its end brings nothing back, with the %s on that disk",
    (layout) =>
      onDisk(layout, async (disk, place) => {
        expect(await left(disk, place)).not.toEqual([]);
        const done = await cutDuring(disk, { settings: place.settings, args: PURGE }, "its end");
        expect([done?.stderr, done?.exitCode]).toEqual(["", 0]);
        expect(await left(disk, place)).toEqual([]);
        expect(await place.run("fsck")).toMatchObject({ exitCode: 0, stderr: "" });
      }),
    120_000,
  );

  test.each(POINTS)(
    "at %s is finished by the next run",
    (point) =>
      onDisk("registry", async (disk, place) => {
        const moment: Moment = { point };
        expect(await cutDuring(disk, { settings: place.settings, args: PURGE }, moment)).toBeUndefined();
        expect(await place.run(...PURGE)).toMatchObject({ exitCode: 0, stderr: "" });
        expect(await left(disk, place)).toEqual([]);
        expect(await place.run("fsck")).toMatchObject({ exitCode: 0, stderr: "" });
      }),
    120_000,
  );
});
