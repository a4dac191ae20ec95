import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount, sha256 } from "../support/client.ts";
import { type FakeS3, startFakeS3 } from "../support/fake-s3.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/* Clients that stop reading hold local files of the downloads from S3. Their size is bounded. */

/**
 * More than the kernel's buffers of a connection hold, so that a stalled reader has not got it all.
 */
const BYTES = 14_000_000;
const SPILL_MAX_BYTES = 2 * BYTES + BYTES / 2;
const NAMES = ["one", "two", "three", "four"];

for (const kind of ["sqlite", "postgres"] as const) {
  describe(`downloads from S3 to clients that do not read (${kind})`, () => {
    let fake: FakeS3;
    let registry: TestRegistry;
    let digests: Map<string, string>;
    const stalled = new Set<Socket>();

    beforeAll(async () => {
      fake = await startFakeS3();
      const env = { ...fake.settings(), STORAGE_SPILL_MAX_BYTES: String(SPILL_MAX_BYTES) };
      registry = await startRegistry(kind, { env });
      const publisher = await newAccount(registry);
      const key = makeKey();
      digests = new Map();
      for (const name of NAMES) {
        const archive = makePackage({ name, version: "1.0.0", files: { "noise.bin": randomBytes(BYTES) } });
        expect((await publisher.publish(name, "1.0.0", archive, key)).status).toBe(201);
        digests.set(name, sha256(archive));
      }
    });
    afterEach(async () => {
      leave();
      await waitUntil(() => spilledBytes() === 0, "the files of all readers are gone");
    });
    afterAll(async () => {
      await registry.stop();
      await fake.stop();
    });

    const pathOf = (name: string) => `/api/packages/${name}/1.0.0/download`;
    const fetchedTimes = () => fake.requests.filter(({ method, key }) => method === "GET" && /sha256/.test(key)).length;

    function spilledBytes(): number {
      const directory = join(registry.dataDir, "packages", "incoming");
      return readdirSync(directory).reduce((sum, name) => {
        return sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0);
      }, 0);
    }

    /** Requests an archive, reads its beginning, and then nothing more. */
    async function stall(name: string): Promise<void> {
      const socket = connect(Number(new URL(registry.url).port), "127.0.0.1");
      stalled.add(socket);
      socket.on("error", () => undefined);
      socket.write(`GET ${pathOf(name)} HTTP/1.1\r\nHost: registry.test\r\n\r\n`);
      await new Promise<void>((begun) => socket.once("data", () => begun(void socket.pause())));
    }

    function leave(): void {
      for (const socket of stalled) socket.destroy();
      stalled.clear();
    }

    async function download(name: string): Promise<void> {
      const response = await fetch(registry.url + pathOf(name));
      expect([response.status, sha256(await response.bytes())]).toEqual([200, digests.get(name) ?? ""]);
    }

    test("never hold more than the limit, and others wait until one of them is gone", async () => {
      await stall("one");
      await stall("two");
      const waiting = download("three");
      let isDone = false;
      void waiting.then(() => {
        isDone = true;
      });
      // Another who reads what is there already does not wait.
      await download("two");
      expect([isDone, spilledBytes() <= SPILL_MAX_BYTES]).toEqual([false, true]);
      leave();
      await waiting;
      await download("four");
    });

    test("share one file and one request to S3 if they read the same archive", async () => {
      const before = fetchedTimes();
      await stall("one");
      for (let more = 0; more < 9; more += 1) await stall("one");
      await download("one");
      expect([fetchedTimes() - before, spilledBytes() < 1.01 * BYTES]).toEqual([1, true]);
    });
  });
}
