import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOnce } from "../binary/executable.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { newPlace, type Place, whileRunning } from "../support/places.ts";
import { SOURCES } from "../support/program.ts";
import type { DatabaseKind, TestRegistry } from "../support/registry.ts";
import { Chance } from "./chance.ts";

/* What tests of backups under faults share. */

const KEY = makeKey();

/** Publishes the version 1.0.0 of a package with a file that does not compress. */
export async function publish(alice: Client, name: string, bytes = 100): Promise<void> {
  const files = { "noise.bin": new Chance(Bun.hash.crc32(name)).bytes(bytes) };
  const { status, text } = await alice.publish(name, "1.0.0", makePackage({ name, version: "1.0.0", files }), KEY);
  if (status !== 201) throw new Error(`${name} was not published: ${status} ${text}`);
}

/** Runs `work` with a registry that has three packages, and a backup of the first one. */
export async function onOutdatedBackup(
  database: DatabaseKind,
  work: (place: Place, backup: string) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cpm-backup-faults-"));
  const place = await newPlace(database);
  const backup = join(home, "backup");
  try {
    await whileRunning(place, async (registry: TestRegistry) => {
      const alice = await newAccount(registry);
      await publish(alice, "first");
      expect((await place.run("backup", "create", backup)).exitCode).toBe(0);
      for (const name of ["second", "third"]) await publish(alice, name);
    });
    await work(place, backup);
  } finally {
    await place.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/** Verifies a backup without the settings of a registry, as on another machine. */
export async function verified(backup: string) {
  const env = { PATH: process.env.PATH ?? "" };
  const { exitCode, stdout } = await runOnce({ command: SOURCES, cwd: "/", env }, "backup", "verify", backup, "--json");
  return { exitCode, ...JSON.parse(stdout) };
}

/** Restores the newest snapshot into a new place, and returns how many versions passed `fsck`. */
export async function restoredVersions(backup: string): Promise<number> {
  const to = await newPlace("sqlite");
  try {
    const { exitCode, stderr } = await to.run("backup", "restore", backup);
    expect([stderr, exitCode]).toEqual(["", 0]);
    const checked = await to.run("fsck", "--json");
    expect([JSON.parse(checked.stdout).problemCount, checked.exitCode]).toEqual([0, 0]);
    return JSON.parse(checked.stdout).checked;
  } finally {
    await to.remove();
  }
}
