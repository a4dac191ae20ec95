import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOUR_MS, isStored, plant, statesOf } from "../maintenance/scene.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount, sha256 } from "../support/client.ts";
import { testPostgres } from "../support/postgres.ts";
import { waitUntil } from "../support/wait-until.ts";
import { LONG } from "./chance.ts";
import { FILE_POINTS, LOG_POINTS } from "./points.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/* A publish is frozen at each failpoint, while a gc removes everything that it may. */

/**
 * The points of the log are left out. They lie between a publish and its checkpoint, and touch no
 * blob that gc knows.
 */
const PUBLISH_POINTS = FILE_POINTS.filter((point) => !LOG_POINTS.includes(point));

/** Points at which a new blob is stored and its row is not visible yet. */
const STORED_ALREADY = /linked|stored|inserted/;
const LOCK_TIME_MS = 1_500;

/** The short run leaves out the points that differ least. */
function isWorthIt(kind: string, before: string, point: string): boolean {
  return LONG || before !== "nothing" || (kind === "sqlite" && STORED_ALREADY.test(point));
}

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`gc --grace 0s while a publish is frozen (${kind})`, () => {
    let home = "";
    let databaseUrl: string | undefined;
    let server: ServerProcess;
    let alice: Client;
    const key = makeKey();

    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), "cpm-gc-"));
      databaseUrl = kind === "postgres" ? await (await testPostgres()).createDatabase() : undefined;
      server = await prepareServer(home, databaseUrl);
      await server.start();
      alice = await newAccount(server);
      await server.kill();
    });
    afterAll(async () => {
      await server?.remove();
      if (databaseUrl !== undefined) await (await testPostgres()).dropDatabase(databaseUrl);
      await rm(home, { recursive: true, force: true });
    });

    /** Freezes the next publish at a point, runs `meanwhile`, and lets the publish continue. */
    async function publishFrozen(name: string, archive: Uint8Array, point: string, meanwhile: () => Promise<void>) {
      await server.start({ FAILPOINTS: `${point}=stop`, NODE_ENV: "test" });
      try {
        const publishing = alice.publish(name, "1.0.0", archive, key);
        publishing.catch(() => undefined);
        const setting = `FAILPOINTS=${point}=stop`;
        const isFrozen = () => statesOf(setting).some((state, _, all) => all.length > 0 && state === "T");
        await waitUntil(isFrozen, `the server freezes at ${point}`);
        await meanwhile();
        server.signal("SIGCONT");
        const { status, text } = await publishing;
        expect([status, status === 201 ? "" : text]).toEqual([201, ""]);
        const download = await fetch(`${server.url}/api/packages/${name}/1.0.0/download`);
        expect([download.status, sha256(new Uint8Array(await download.arrayBuffer()))]).toEqual([200, sha256(archive)]);
      } finally {
        await server.kill();
      }
    }

    for (const before of ["nothing", "an old orphan"] as const) {
      for (const point of PUBLISH_POINTS.filter((each) => isWorthIt(kind, before, each))) {
        test(`gc keeps the archive of a publish that is frozen at ${point}, where ${before} was before`, async () => {
          const name = `p-${point}-${before}`.replaceAll(/[. ]/g, "-");
          const archive = makePackage({ name, version: "1.0.0" });
          const store = join(home, "packages");
          if (before === "an old orphan") await plant(store, archive, 48 * HOUR_MS);
          let collecting: Promise<{ exitCode: number; stdout: string; stderr: string }> | undefined;
          await publishFrozen(name, archive, point, async () => {
            collecting = server.run("gc", "--grace", "0s");
            if (point !== "publish.inserted") {
              const { exitCode, stdout, stderr } = await collecting;
              expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
              const isOrphan = point !== "publish.recorded" && (before !== "nothing" || STORED_ALREADY.test(point));
              expect(stdout).toStartWith(`Removed ${isOrphan ? 1 : 0} archive`);
              return;
            }
            // The row is inserted but not committed, so gc must wait for it. Nothing shows that gc
            // waits.
            await Promise.race([collecting, Bun.sleep(LOCK_TIME_MS)]);
            expect(isStored(store, sha256(archive))).toBe(true);
          });
          expect(await collecting).toMatchObject({ exitCode: 0, stderr: "" });
          expect(isStored(store, sha256(archive))).toBe(true);
        });
      }
    }
  });
}
