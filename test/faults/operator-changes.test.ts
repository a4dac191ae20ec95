import { describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BECAUSE, marked, publish, traces } from "../maintenance/takedown-scene.ts";
import { newAccount } from "../support/client.ts";
import { type Place, whileRunning, withPlaces } from "../support/places.ts";
import { testPostgres } from "../support/postgres.ts";
import { s3Missing } from "../support/s3.ts";

/* What an administrator did with commands since the backup, while no server ran. */

/** Removes the database, and returns the settings of an empty one in its place. */
async function loseDatabase({ dataDir, databaseUrl }: Place): Promise<Readonly<Record<string, string>>> {
  for (const suffix of ["", "-wal", "-shm"]) await rm(join(dataDir, `registry.db${suffix}`), { force: true });
  return databaseUrl === undefined ? {} : { DATABASE_URL: await (await testPostgres()).createDatabase() };
}

const KINDS = [
  ["sqlite", "files"],
  ["postgres", "s3"],
] as const;

describe.each(KINDS)("after a restore on %s and %s", (database, storage) => {
  test.skipIf(storage === "s3" && s3Missing !== undefined)(
    "log recover brings back a quarantine and a takedown, and erases what the backup brought back",
    () =>
      withPlaces([[database, storage]], async (place) => {
        const backup = await mkdtemp(join(tmpdir(), "cpm-backup-"));
        let empty: Readonly<Record<string, string>> = {};
        const run = async (...args: string[]) => {
          const { exitCode, stderr, stdout } = await place.runWith(empty, ...args);
          expect([stderr, exitCode]).toEqual(["", 0]);
          return stdout;
        };
        try {
          await whileRunning(place, async (registry) => {
            const ada = await newAccount(registry);
            await publish(ada, "leaky", "1.0.0", marked("leaky", "1.0.0"));
            await publish(ada, "leaky", "1.1.0");
          });
          await run("backup", "create", join(backup, "it"));
          await run("admin", "quarantine", "leaky", "1.1.0", "--reason", "it is odd", "--json");
          await run("admin", "purge", "leaky", "1.0.0", ...BECAUSE);
          empty = await loseDatabase(place);
          await run("backup", "restore", join(backup, "it"), "--reuse-storage");
          const { counts } = JSON.parse(await run("log", "recover", "--json"));
          expect(counts).toMatchObject({ versions: 0, statuses: 1, takedowns: 1 });
          expect(await traces({ ...place, databaseUrl: empty.DATABASE_URL })).toEqual([]);
          expect(await run("log", "recover")).toContain("Nothing is to be recovered");
          expect(JSON.parse(await run("fsck", "--json"))).toMatchObject({ problemCount: 0, checked: 2 });
        } finally {
          if (empty.DATABASE_URL !== undefined) await (await testPostgres()).dropDatabase(empty.DATABASE_URL);
          await rm(backup, { recursive: true, force: true });
        }
      }),
    60_000,
  );
});
