import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { blobKey } from "../../src/blobs/store.ts";
import { parseDigest } from "../../src/domain/digest.ts";
import { makePackage } from "../support/archive-maker.ts";
import {
  type Answer,
  type Client,
  expectProblem,
  makeKey,
  newAccount,
  sha256,
  statementOf,
} from "../support/client.ts";
import { type FakeS3, type Fault, startFakeS3 } from "../support/fake-s3.ts";
import { metricsText } from "../support/metrics.ts";
import { startRegistry, type TestRegistry, tracesOf } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

const NOISE = Buffer.concat(
  Array.from({ length: 9_000 }, (_, at) => Buffer.from(sha256(Buffer.from(`s3 ${at}`)), "hex")),
);
let packages = 0;

/**
 * An archive under a new name. Small ones are verified in memory, and large ones pass through a
 * file.
 */
function newArchive(size: "small" | "large") {
  packages += 1;
  const name = `stored-${packages}`;
  const files = { "values.yaml": "a: 1\n", ...(size === "large" ? { "big.bin": NOISE } : {}) };
  return { name, archive: makePackage({ name, version: "1.0.0", files }) };
}

function keyOf(archive: Uint8Array): string {
  const digest = parseDigest(sha256(archive));
  if (digest === undefined) throw new Error("not a digest");
  return blobKey(digest);
}

let fake: FakeS3;
let registry: TestRegistry;
let publisher: Client;
const key = makeKey();

async function start(more: Record<string, string> = {}) {
  fake = await startFakeS3();
  registry = await startRegistry("sqlite", {
    env: { ...fake.settings(), STORAGE_TIMEOUT_MS: "500", TRUSTED_PROXIES: "127.0.0.1", ...more },
  });
  publisher = await newAccount(registry);
}

async function stop() {
  await registry.stop();
  await fake.stop();
}

/** Waits until no download has a file: a reader who comes before shares it. */
const nothingSpilled = () =>
  waitUntil(
    async () => (await readdir(join(registry.dataDir, "packages", "incoming"))).length === 0,
    "no file is left of downloads",
  );

const download = (name: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${registry.url}/api/packages/${name}/1.0.0/download`, { method, headers, redirect: "manual" });

/** Counts what is left behind, once temporary files of answers are removed. */
async function traces() {
  await registry.deps.blobs.close();
  return tracesOf(registry);
}

/** Publishes an archive and expects 201. */
async function published(size: "small" | "large") {
  const made = newArchive(size);
  const answer = await publisher.publish(made.name, "1.0.0", made.archive, key);
  expect(answer.status).toBe(201);
  return made;
}

/** Expects a failure of the storage: its code, that the client may retry, and nothing internal. */
function expectStorageProblem(answer: Answer, statuses: readonly number[]): void {
  expect(statuses).toContain(answer.status);
  expectProblem(answer, answer.status, answer.body.code);
  expect(answer.body.code).toMatch(/^storage_/);
  expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  for (const inner of [fake.url, fake.bucket, "X-Amz", "AccessDenied", "InternalError", "ECONN"]) {
    expect(answer.text).not.toContain(inner);
  }
}

describe("a registry on S3", () => {
  beforeAll(() => start());
  afterAll(() => stop());
  afterEach(() => fake.heal());

  for (const size of ["small", "large"] as const) {
    test(`a ${size} archive is stored on S3 under its digest with one PUT, read back, and served as from files`, async () => {
      const before = fake.requests.length;
      const { name, archive } = await published(size);
      // The log, and what recovering needs, are written beside the archives shortly after a publish.
      const asked = fake.requests.slice(before).filter((request) => !/^(?:log|recovery)\//.test(request.key));
      const seen = asked.map(({ method, key: of }) => `${method} ${of}`);
      expect(seen).toEqual([`PUT ${keyOf(archive)}`, `GET ${keyOf(archive)}`]);

      const whole = await download(name);
      const digest = sha256(archive);
      expect([whole.status, sha256(await whole.bytes())]).toEqual([200, digest]);
      expect(whole.headers.get("content-length")).toBe(String(archive.length));
      expect(whole.headers.get("accept-ranges")).toBe("bytes");
      expect(whole.headers.get("etag")).toBe(`"${digest}"`);
      expect(whole.headers.get("x-checksum-sha256")).toBe(digest);
      expect(whole.headers.get("content-type")).toBe("application/gzip");

      const head = await download(name, {}, "HEAD");
      for (const header of ["content-length", "etag", "accept-ranges", "repr-digest", "content-disposition"]) {
        expect([header, head.headers.get(header)]).toEqual([header, whole.headers.get(header)]);
      }
      expect((await download(name, { "if-none-match": `"${digest}"` })).status).toBe(304);
      expect((await download(name, { range: `bytes=${archive.length}-` })).status).toBe(416);
      for (const [range, first, last] of [
        ["bytes=0-0", 0, 0],
        ["bytes=5-99", 5, 99],
        ["bytes=-7", archive.length - 7, archive.length - 1],
        [`bytes=3-${archive.length + 5}`, 3, archive.length - 1],
      ] as const) {
        const part = await download(name, { range });
        expect([part.status, part.headers.get("content-range")]).toEqual([
          206,
          `bytes ${first}-${last}/${archive.length}`,
        ]);
        expect(part.headers.get("content-length")).toBe(String(last - first + 1));
        expect(sha256(await part.bytes())).toBe(sha256(archive.subarray(first, last + 1)));
      }
    });
  }

  /** Faults of a storage, the statuses that may follow, and the requests that they affect. */
  const putFaults: [string, Fault, number[]][] = [
    ["500", { status: 500 }, [502]],
    ["503 SlowDown", { status: 503 }, [503]],
    // The last attempt has less than its time, and so no answer. The answer before it counts.
    ["503 SlowDown, each time late", { status: 503, afterMs: 330 }, [503]],
    ["429", { status: 429 }, [503]],
    ["403", { status: 403 }, [502]],
    ["507", { status: 507 }, [507]],
    ["no answer", "timeout", [504]],
    ["a reset", "reset", [502]],
    ["a reset in the middle of the upload", "reset-mid-upload", [502]],
    ["200 with an error body", "error-body-200", [502]],
    ["200 without storing", "empty-200", [502]],
    ["storing half", "store-truncated", [502]],
    ["storing other bytes", "store-wrong", [502]],
  ];
  for (const [what, how, statuses] of putFaults) {
    for (const size of ["small", "large"] as const) {
      test(`a publish of a ${size} archive that meets ${what} makes no version, and succeeds when it is repeated`, async () => {
        const { name, archive } = newArchive(size);
        const before = await traces();
        fake.fail({ method: "PUT", key: /sha256/, how });
        const refused = await publisher.publish(name, "1.0.0", archive, key);
        if (refused.status === 507) expectProblem(refused, 507, "storage_full");
        else expectStorageProblem(refused, statuses);
        expect(await traces()).toEqual(before);
        expect((await publisher.get(`/api/packages/${name}`)).status).toBe(404);
        fake.heal();
        expect((await publisher.publish(name, "1.0.0", archive, key)).status).toBe(201);
        expect(sha256(await (await download(name)).bytes())).toBe(sha256(archive));
      });
    }
  }

  const getFaults: [string, Fault, number[]][] = [
    ["500", { status: 500 }, [502]],
    ["503 SlowDown", { status: 503 }, [503]],
    ["403", { status: 403 }, [502]],
    ["no answer", "timeout", [504]],
    ["half an answer and then nothing", "hang-body", [504]],
    ["a reset", "reset", [502]],
    ["a reset in the middle", "reset-mid-body", [502]],
    ["half of the object", "truncated", [502]],
  ];
  for (const [what, how, statuses] of getFaults) {
    for (const size of ["small", "large"] as const) {
      test(`a download of a ${size} archive that meets ${what} reports it, whole and in ranges, and recovers`, async () => {
        const { name, archive } = await published(size);
        fake.fail({ method: "GET", key: /sha256/, how });
        for (const headers of [{}, { range: "bytes=0-199" }] as const) {
          expectStorageProblem(await publisher.get(`/api/packages/${name}/1.0.0/download`, headers), statuses);
        }
        fake.heal();
        expect(sha256(await (await download(name)).bytes())).toBe(sha256(archive));
        await nothingSpilled();
        fake.fail({ method: "GET", key: /sha256/, how, times: 1 });
        const isFinal = what === "403";
        expect([what, (await download(name)).status]).toEqual([what, isFinal ? 502 : 200]);
      });
    }
  }

  for (const size of ["small", "large"] as const) {
    test(`a publish of a ${size} archive that S3 reads back wrongly makes no version`, async () => {
      for (const how of ["wrong-bytes", "truncated", "hang-body", { status: 500 }] as const) {
        const { name, archive } = newArchive(size);
        fake.fail({ method: "GET", key: /sha256/, how });
        expectStorageProblem(await publisher.publish(name, "1.0.0", archive, key), [502, 504]);
        expect((await publisher.get(`/api/packages/${name}`)).status).toBe(404);
        fake.heal();
        expect((await publisher.publish(name, "1.0.0", archive, key)).status).toBe(201);
      }
    });

    test(`a ${size} archive whose bytes changed on S3 is never served, and is counted`, async () => {
      const { name, archive } = await published(size);
      const object = fake.objects.get(keyOf(archive));
      if (object === undefined) throw new Error("The archive is not in the bucket");
      object.bytes[archive.length >> 1] = (object.bytes[archive.length >> 1] ?? 0) ^ 1;
      const counted = async () => Number(/event="blob_corrupt"} (\d+)/.exec(await metricsText(registry.url))?.[1] ?? 0);
      const before = await counted();
      expectProblem(await publisher.get(`/api/packages/${name}/1.0.0/download`), 500, "blob_corrupt");
      expect(await counted()).toBe(before + 1);
      // Publishing the same bytes again repairs it.
      expect((await publisher.publish(name, "1.0.0", archive, key)).status).toBe(200);
      expect(sha256(await (await download(name)).bytes())).toBe(sha256(archive));
    });
  }

  test("a download of an archive that is gone from the bucket answers a 500 with the reason", async () => {
    for (const size of ["small", "large"] as const) {
      const { name, archive } = await published(size);
      fake.objects.delete(keyOf(archive));
      for (const method of ["GET", "HEAD"]) expect((await download(name, {}, method)).status).toBe(500);
      expectProblem(await publisher.get(`/api/packages/${name}/1.0.0/download`), 500, "blob_missing");
    }
  });

  test("health reports a bucket that cannot be written, without a request to S3 at every call", async () => {
    const asked = () => fake.requests.filter(({ key: asked }) => asked === "check").length;
    const before = asked();
    for (let calls = 0; calls < 20; calls += 1) expect((await publisher.get("/health")).status).toBe(200);
    expect(asked() - before).toBeLessThanOrEqual(2);
  });

  test("an archive on its way to S3 leaves no temporary file behind", async () => {
    const { name } = await published("large");
    await (await download(name)).bytes();
    await nothingSpilled();
  });
});

describe("a registry on S3 with STORAGE_REDIRECT", () => {
  beforeAll(() => start({ STORAGE_REDIRECT: "true" }));
  afterAll(() => stop());

  test("with STORAGE_REDIRECT a download is an uncacheable 302 to an address with the right name and type", async () => {
    const { name, archive } = await published("large");
    const answer = await download(name);
    expect([answer.status, answer.headers.get("cache-control")]).toEqual([302, "no-store"]);
    const address = answer.headers.get("location") ?? "";
    expect(Number(new URL(address).searchParams.get("X-Amz-Expires"))).toBeLessThanOrEqual(900);
    const direct = await fetch(address);
    expect([direct.status, sha256(await direct.bytes())]).toEqual([200, sha256(archive)]);
    expect(direct.headers.get("content-type")).toBe("application/gzip");
    expect(direct.headers.get("content-disposition")).toBe(`attachment; filename="${name}-1.0.0.cpm"`);
    expect((await fetch(address, { headers: { range: "bytes=0-9" } })).status).toBe(206);
  });

  test("with STORAGE_REDIRECT the registry itself answers HEAD and a client that has the archive", async () => {
    const { name, archive } = await published("small");
    const head = await download(name, {}, "HEAD");
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(archive.length)]);
    expect((await download(name, { "if-none-match": `"${sha256(archive)}"` })).status).toBe(304);
  });

  test("with STORAGE_REDIRECT a redirect counts as a download", async () => {
    const { name } = await published("small");
    for (const at of [1, 2, 3, 3]) await download(name, { "x-forwarded-for": `192.0.2.${at}` });
    await registry.deps.downloads.flush();
    expect((await publisher.get(`/api/packages/${name}`)).body.downloads).toBe(3);
  });

  test("with STORAGE_REDIRECT the signed statement matches the bytes at the address", async () => {
    const { name, archive } = await published("small");
    const { body } = await publisher.get(`/api/packages/${name}/1.0.0/signature`);
    expect(body.statement).toBe(statementOf(name, "1.0.0", archive));
  });
});
