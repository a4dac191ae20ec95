import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, sha256 } from "../support/client.ts";
import { metricsText } from "../support/metrics.ts";
import { Chance } from "./chance.ts";
import { type ImageMount, mountImage, reasonAgainstImages } from "./mounts.ts";
import { onScene } from "./scene.ts";
import type { ServerProcess } from "./server.ts";

/* Archives on a disk whose sectors cannot be read: every read fails with a real EIO. */

const reason = reasonAgainstImages();
if (reason !== undefined) console.warn(`Skipped: a disk with unreadable sectors cannot be made here, ${reason}`);

const DOWNLOAD = "/api/packages/broken/1.0.0/download";

interface Broken {
  readonly server: ServerProcess;
  readonly packages: string;
  readonly digest: string;
  readonly guest: Client;
  /** Publishes the archive again. Returns the status. */
  readonly publish: () => Promise<number>;
}

/** Runs `play` with a registry that has one archive, whose sectors cannot be read any more. */
function onBroken(kind: "sqlite" | "postgres", bytes: number, play: (scene: Broken) => Promise<void>): Promise<void> {
  return onScene(kind, async ({ server }) => {
    const disk: ImageMount = mountImage(64);
    try {
      mkdirSync(server.dataDir);
      symlinkSync(disk.path, join(server.dataDir, "packages"));
      await server.start();
      const publisher = await newAccount(server);
      const key = makeKey();
      const files = { "noise.bin": new Chance(5).bytes(bytes) };
      const archive = makePackage({ name: "broken", version: "1.0.0", files });
      const publish = async () => (await publisher.publish("broken", "1.0.0", archive, key)).status;
      expect(await publish()).toBe(201);
      const digest = sha256(archive);
      disk.breakFile(join(disk.path, "sha256", digest.slice(0, 2), digest));
      await play({ server, packages: disk.path, digest, guest: new Client(server.url), publish });
    } finally {
      await server.kill();
      disk.remove();
    }
  });
}

async function expectWhole({ server, digest }: Broken): Promise<void> {
  const response = await fetch(server.url + DOWNLOAD);
  expect([response.status, sha256(await response.bytes())]).toEqual([200, digest]);
}

for (const kind of ["sqlite", "postgres"] as const) {
  describe.skipIf(reason !== undefined)(`an archive that the disk does not return (${kind})`, () => {
    test.each([
      ["small", 100_000],
      ["large", 3_000_000],
    ])("is refused, logged with its digest, counted, set aside, and mended: %s", (_, bytes) =>
      onBroken(kind, bytes, async (scene) => {
        const { server, packages, digest, guest, publish } = scene;
        expectProblem(await guest.get(DOWNLOAD), 500, "blob_unreadable");
        expectProblem(await guest.get(DOWNLOAD, { range: "bytes=0-9" }), 500, "blob_unreadable");
        const logged = server.errorLines().map((line) => JSON.parse(line));
        const found = logged.filter(({ event }) => event === "blob_unreadable");
        expect(found.map((line) => [line.level, line.digest, line.code])).toEqual(
          Array(2).fill(["error", digest, "EIO"]),
        );
        expect(await metricsText(server.url)).toContain('event="blob_unreadable"} 2');

        const checked = await server.run("fsck", "--json");
        const problem = { problem: "blob_unreadable", sha256: digest, detail: expect.stringContaining("EIO") };
        expect([checked.exitCode, JSON.parse(checked.stdout)]).toMatchObject([1, { problems: [problem] }]);
        const repaired = JSON.parse((await server.run("fsck", "--repair", "--json")).stdout);
        expect(repaired).toMatchObject({ setAside: 1, problems: [{ ...problem, repair: "set_aside" }] });
        expect(readdirSync(join(packages, "corrupt"))).toEqual([expect.stringContaining(digest)]);
        expectProblem(await guest.get(DOWNLOAD), 500, "blob_missing");

        expect(await publish()).toBe(200);
        server.signal("SIGTERM");
        await server.ended();
        await server.start();
        expect((await guest.get("/api/packages/broken")).body.downloads).toBe(0);
        await expectWhole(scene);
      }),
    );

    test("is replaced when the same bytes are published again", () =>
      onBroken(kind, 3_000_000, async (scene) => {
        expectProblem(await scene.guest.get(DOWNLOAD), 500, "blob_unreadable");
        expect(await scene.publish()).toBe(200);
        await expectWhole(scene);
      }));
  });
}
