import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { openFileStore } from "../../src/blobs/file-store.ts";
import { openMemoryStore, type StoredBytes } from "../../src/blobs/memory-store.ts";
import { openS3Store } from "../../src/blobs/s3-store.ts";
import { blobKey } from "../../src/blobs/store.ts";
import { readConfig } from "../../src/config/config.ts";
import { parseDigest } from "../../src/domain/digest.ts";
import { startFakeS3 } from "../support/fake-s3.ts";
import { startRegistry } from "../support/registry.ts";
import { s3Missing, testS3 } from "../support/s3.ts";
import { describeBlobStore, type OpenedStore } from "./blob-store.ts";

async function temporaryDirectory() {
  const directory = await mkdtemp(join(tmpdir(), "cpm-blob-store-"));
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) };
}

describeBlobStore("files", async () => {
  const { directory, remove } = await temporaryDirectory();
  return {
    store: await openFileStore(directory),
    async damage(digest, bytes) {
      const path = join(directory, blobKey(digest));
      await mkdir(dirname(path), { recursive: true });
      await rm(path, { force: true });
      await writeFile(path, bytes);
    },
    close: remove,
  };
});

describeBlobStore("memory", async () => {
  const { directory, remove } = await temporaryDirectory();
  const blobs: StoredBytes = new Map();
  return {
    store: openMemoryStore(directory, () => new Date(), blobs),
    async damage(digest, bytes) {
      blobs.set(digest, { bytes: new Uint8Array(bytes), storedAt: new Date() });
    },
    close: remove,
  };
});

/** Opens a store in the bucket of the settings. `damage` writes with Bun's own client. */
async function openInBucket(settings: Record<string, string>, close: () => Promise<void>): Promise<OpenedStore> {
  const { directory, remove } = await temporaryDirectory();
  const { storage } = readConfig(undefined, { ...settings, STORAGE_TIMEOUT_MS: "1000" });
  if (storage.kind !== "s3") throw new Error("The settings are not those of S3");
  const client = new Bun.S3Client({
    endpoint: storage.endpoint,
    bucket: storage.bucket,
    region: storage.region,
    accessKeyId: settings.STORAGE_ACCESS_KEY ?? "",
    secretAccessKey: settings.STORAGE_SECRET_KEY ?? "",
    virtualHostedStyle: !storage.pathStyle,
    ...(settings.STORAGE_SESSION_TOKEN === undefined ? {} : { sessionToken: settings.STORAGE_SESSION_TOKEN }),
  });
  return {
    store: openS3Store(storage, { incomingDir: directory, report: () => undefined, clock: () => new Date() }),
    damage: async (digest, bytes) =>
      void (await client.write(storage.keyPrefix + blobKey(digest), new Uint8Array(bytes))),
    close: async () => {
      await remove();
      await close();
    },
  };
}

describeBlobStore("a fake S3, path style, session token", async () => {
  const fake = await startFakeS3({ sessionToken: "temporary+token/=" });
  return openInBucket(fake.settings(), () => fake.stop());
});

describeBlobStore("a fake S3, virtual host, key prefix", async () => {
  const fake = await startFakeS3();
  const host = {
    STORAGE_ENDPOINT: fake.virtualHostUrl,
    STORAGE_PATH_STYLE: "false",
    STORAGE_KEY_PREFIX: "registries/one",
  };
  const opened = await openInBucket({ ...fake.settings(), ...host }, async () => {
    expect([...fake.objects.keys()].filter((key) => !key.startsWith("registries/one/"))).toEqual([]);
    await fake.stop();
  });
  return opened;
});

describe.skipIf(s3Missing !== undefined)("a real S3 server", () => {
  for (const prefix of ["", "deep/er"]) {
    describeBlobStore(`S3, key prefix '${prefix}'`, async () => {
      const server = await testS3();
      if (server === undefined) throw new Error("no server");
      const bucket = await server.createBucket();
      const settings = { ...server.settings(bucket), STORAGE_KEY_PREFIX: prefix };
      return openInBucket(settings, () => server.emptyAndDropBucket(bucket));
    });
  }
});

test("a registry refuses to start on a bucket it cannot write", async () => {
  const fake = await startFakeS3();
  try {
    fake.fail({ method: "PUT", how: { status: 403 } });
    await expect(startRegistry("sqlite", { env: fake.settings() })).rejects.toThrow(
      /bucket fake-bucket .*AccessDenied/,
    );
  } finally {
    await fake.stop();
  }
});

test("a removal without a response is not sent again, because it may still happen", async () => {
  const fake = await startFakeS3();
  const opened = await openInBucket(fake.settings(), () => fake.stop());
  try {
    const digest = parseDigest("ab".repeat(32));
    if (digest === undefined) throw new Error("not a digest");
    for (const how of ["timeout", "reset", { status: 500 }] as const) {
      const before = fake.requests.length;
      fake.fail({ method: "DELETE", how });
      await expect(opened.store.remove(digest)).rejects.toThrow(/storage_/);
      expect(fake.requests.slice(before).map(({ method }) => method)).toEqual(["DELETE"]);
      fake.heal();
    }
  } finally {
    await opened.close();
  }
});
