import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastBackup } from "../../src/blobs/last-backup.ts";
import { newPlace, type StorageKind, whileRunning, withPlaces } from "../support/places.ts";
import type { DatabaseKind } from "../support/registry.ts";
import { s3Missing } from "../support/s3.ts";
import { expectSameRegistry, seenBy } from "../support/same-registry.ts";
import { fillVaried } from "../support/varied-registry.ts";

/* A backup of a registry on every database and storage, restored into every database and storage. */

const KINDS: readonly (readonly [DatabaseKind, StorageKind])[] = [
  ["sqlite", "files"],
  ["sqlite", "s3"],
  ["postgres", "files"],
  ["postgres", "s3"],
];

describe.skipIf(s3Missing !== undefined).each(KINDS)("a backup of %s and %s", (database, storage) => {
  test("gives every answer to the byte wherever it is restored, and passes fsck and log audit", async () => {
    const home = await mkdtemp(join(tmpdir(), "cpm-backup-"));
    const from = await newPlace(database, storage);
    const backup = join(home, "backup");
    try {
      const varied = await whileRunning(from, fillVaried, "counting downloads");
      const before = await whileRunning(from, async (registry) => {
        const made = await from.run("backup", "create", backup, "--json");
        expect([made.stderr, made.exitCode]).toEqual(["", 0]);
        const { createdAt, versions, lacking } = JSON.parse(made.stdout);
        expect([versions, lacking]).toEqual([11, []]);
        expect((await lastBackup(registry.deps.blobs))?.toISOString()).toBe(createdAt);
        return seenBy(registry, varied);
      });
      for (const kind of KINDS) await withPlaces([kind], (to) => expectSameRegistry({ backup, to, before, varied }));
    } finally {
      await from.remove();
      await rm(home, { recursive: true, force: true });
    }
  }, 240_000);
});
