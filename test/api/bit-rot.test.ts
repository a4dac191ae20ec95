import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createLogger } from "../../src/runtime/logger.ts";
import { makePackage } from "../support/archive-maker.ts";
import { Client, expectProblem, makeKey, newAccount, sha256 } from "../support/client.ts";
import { onBothDatabases } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/** More than a store keeps in memory. */
const LARGE = randomBytes(1_500_000);
const NOISE = Buffer.concat(
  Array.from({ length: 9_000 }, (_, at) => Buffer.from(sha256(Buffer.from(`rot ${at}`)), "hex")),
);
const lines: string[] = [];
/** A cached archive is served for a second. The rest is for a busy machine. */
const KEPT_MAX_MS = 15_000;

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

onBothDatabases(
  "bit rot",
  (registry) => {
    const harms: [string, Record<string, string | Uint8Array>, (path: string) => Promise<void>][] = [
      ["a small archive with one flipped bit", {}, flipBit],
      ["a large archive with one flipped bit", { "noise.bin": LARGE }, flipBit],
      ["a small archive that was cut short", {}, (path) => truncate(path, 100)],
      ["a large archive that was cut short", { "noise.bin": NOISE }, (path) => truncate(path, 200_000)],
      ["a large archive that was emptied", { "noise.bin": NOISE }, (path) => truncate(path, 0)],
    ];
    for (const [at, [what, files, harm]] of harms.entries()) {
      test(`${what} is never served, is logged with its digest and counted, and is repaired by publishing it again`, async () => {
        const publisher = await newAccount(registry());
        const key = makeKey();
        const name = `rotten-${at}`;
        const archive = makePackage({ name, version: "1.0.0", files });
        expect((await publisher.publish(name, "1.0.0", archive, key)).status).toBe(201);
        const digest = sha256(archive);
        const url = `${registry().url}/api/packages/${name}/1.0.0/download`;
        const given = async () => {
          const response = await fetch(url);
          return [response.status, sha256(await response.bytes())];
        };
        // A cached archive may be served for a second after the harm, with the published bytes.
        expect(await given()).toEqual([200, digest]);
        await harm(join(registry().dataDir, "packages", "sha256", digest.slice(0, 2), digest));
        const isNoticed = async () => {
          const [status, bytes] = await given();
          if (status === 200) expect(bytes).toBe(digest);
          return status === 500;
        };
        await waitUntil(isNoticed, "the damage is noticed", KEPT_MAX_MS);

        const guest = new Client(registry().url);
        const counted = () => registry().deps.logger.counts.get("blob_corrupt") ?? 0;
        const before = counted();
        lines.length = 0;
        for (const headers of [{}, { range: "bytes=0-9" }] as const) {
          const answer = await guest.get(`/api/packages/${name}/1.0.0/download`, headers);
          expectProblem(answer, 500, "blob_corrupt");
          expect(answer.text).not.toContain(digest);
        }
        expect(counted()).toBe(before + 2);
        const logged = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === "blob_corrupt");
        expect(logged.map(({ level, digest: named }) => [level, named])).toEqual(Array(2).fill(["error", digest]));

        expect((await publisher.publish(name, "1.0.0", archive, key)).status).toBe(200);
        const mended = await fetch(`${registry().url}/api/packages/${name}/1.0.0/download`);
        expect([mended.status, sha256(await mended.bytes())]).toEqual([200, digest]);
      });
    }

    test("a dry run of a published archive repairs nothing, because it stores nothing", async () => {
      const publisher = await newAccount(registry());
      const key = makeKey();
      const archive = makePackage({ name: "dry", version: "1.0.0" });
      await publisher.publish("dry", "1.0.0", archive, key);
      const digest = sha256(archive);
      await truncate(join(registry().dataDir, "packages", "sha256", digest.slice(0, 2), digest), 10);
      const { signature } = (await publisher.get("/api/packages/dry/1.0.0")).body;
      const fields = { archive, signature: signature.value, publicKey: key.publicHex };
      expect((await publisher.publishFields(fields, "?dryRun=true")).status).toBe(200);
      expectProblem(await publisher.get("/api/packages/dry/1.0.0/download"), 500, "blob_corrupt");
    });
  },
  { override: ({ clock }) => ({ logger: createLogger("warn", clock, (line) => lines.push(line)) }) },
);
