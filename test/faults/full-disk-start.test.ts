import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, statfsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, sha256 } from "../support/client.ts";
import { waitUntil } from "../support/wait-until.ts";
import { Chance } from "./chance.ts";
import { type Mount, mountImage, mountTmpfs, reasonAgainstImages, reasonAgainstTmpfs } from "./mounts.ts";
import { prepareServer } from "./server.ts";

/* A registry whose whole data directory is on a disk that is full to the last block. */

const MIB = 1_048_576;

interface SmallDisk {
  readonly title: string;
  readonly reason: string | undefined;
  readonly mount: () => Mount;
}

const DISKS: readonly SmallDisk[] = [
  { title: "a tmpfs", reason: reasonAgainstTmpfs(), mount: () => mountTmpfs(12 * MIB) },
  { title: "an ext4 with blocks of 1 KiB", reason: reasonAgainstImages(), mount: () => mountImage(24, 1_024) },
];

/** Fills a file system to its last block. */
function fill(path: string): void {
  for (const bytes of [MIB, 64 * 1_024, 4_096, 1_024, 1]) {
    try {
      for (;;) writeFileSync(path, new Uint8Array(bytes), { flag: "a", flush: true });
    } catch {
      // Smaller pieces may still fit.
    }
  }
}

/** Stores an archive that no version refers to, as an old failed publish leaves it. */
function storeOrphan(dataDir: string): string {
  const bytes = new Chance(7).bytes(2 * MIB);
  const digest = sha256(bytes);
  const directory = join(dataDir, "packages/sha256", digest.slice(0, 2));
  mkdirSync(directory, { recursive: true });
  const path = join(directory, digest);
  writeFileSync(path, bytes);
  const old = new Date(Date.now() - 48 * 3_600_000);
  utimesSync(path, old, old);
  return path;
}

for (const { title, reason, mount } of DISKS) {
  if (reason !== undefined) console.warn(`Skipped: ${title} cannot be made here, ${reason}`);
  test.skipIf(reason !== undefined)(
    `a registry killed on ${title} that is full starts again, serves reads, and gc makes room`,
    async () => {
      const disk = mount();
      const dataDir = join(disk.path, "data");
      mkdirSync(dataDir);
      const server = await prepareServer(dataDir);
      try {
        await server.start();
        const client = await newAccount(server);
        const key = makeKey();
        const publish = (version: string) =>
          client.publish("full", version, makePackage({ name: "full", version }), key);
        expect((await publish("1.0.0")).status).toBe(201);
        const orphan = storeOrphan(dataDir);
        for (const ending of ["SIGKILL", "SIGTERM"] as const) {
          rmSync(join(disk.path, "filler"), { force: true });
          // Only a start or a minute makes the reserve anew.
          await server.kill();
          await server.start();
          expect(existsSync(join(dataDir, "registry.reserve"))).toBe(true);
          server.signal(ending);
          await server.ended();
          fill(join(disk.path, "filler"));
          expect(statfsSync(disk.path).bavail).toBe(0);
          await server.start();
          const guest = new Client(server.url);
          for (const path of ["/full", "/full/1.0.0/download", "?search=full"])
            expect([path, (await guest.get(`/api/packages${path}`)).status]).toEqual([path, 200]);
        }
        fill(join(disk.path, "filler"));
        expectProblem(await publish("1.1.0"), 507, "storage_full");
        expect((await new Client(server.url).get("/health/ready")).status).toBe(503);
        await server.kill();
        const gc = await server.run("gc", "--grace", "1h");
        expect([gc.exitCode, gc.stderr]).toEqual([0, expect.not.stringContaining("failed")]);
        expect(existsSync(orphan)).toBe(false);
        await server.start();
        await waitUntil(async () => (await publish("1.2.0")).status === 201, "publishing works again");
      } finally {
        await server.remove();
        disk.remove();
      }
    },
    60_000,
  );
}
