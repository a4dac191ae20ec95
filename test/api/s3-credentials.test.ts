import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Bucket } from "../../src/blobs/s3-bucket.ts";
import { readConfig } from "../../src/config/config.ts";
import { openDeps } from "../../src/start/open-deps.ts";
import { CONTAINER_TOKEN, type FakeAws, IDENTITY_TOKEN, startFakeAws } from "../support/fake-aws.ts";
import { type FakeS3, startFakeS3 } from "../support/fake-s3.ts";
import { s3Missing, testS3 } from "../support/s3.ts";

const MINUTE_MS = 60_000;
const START = new Date("2026-03-01T12:00:00Z");
const TOKEN = "temporary+token/=";

let directory: string;
let s3: FakeS3;
let aws: FakeAws;
let now: Date;

const later = (minutes: number) => new Date(START.getTime() + minutes * MINUTE_MS);

beforeEach(async () => {
  now = START;
  directory = mkdtempSync(join(tmpdir(), "cpm-aws-"));
  s3 = await startFakeS3({ sessionToken: TOKEN });
  aws = startFakeAws({ accessKey: s3.accessKey, secretKey: s3.secretKey, sessionToken: TOKEN, expiresAt: later(60) });
});
afterEach(async () => {
  await Promise.all([s3.stop(), aws.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

/** The settings of the bucket, without credentials. */
function bucketSettings(): Record<string, string> {
  const { STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY, STORAGE_SESSION_TOKEN, ...others } = s3.settings();
  return { ...others, STORAGE_TIMEOUT_MS: "2000" };
}

function tokenFile(text: string): string {
  const path = join(directory, "token");
  writeFileSync(path, `${text}\n`);
  return path;
}

const SOURCES: Readonly<Record<string, () => Record<string, string>>> = {
  "variables of AWS": () => ({
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
    AWS_SESSION_TOKEN: TOKEN,
  }),
  "the role of an instance": () => ({ AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url }),
  "the endpoint of a container, with its token": () => ({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: CONTAINER_TOKEN,
  }),
  "the endpoint of a container, with a file of its token": () => ({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${aws.url}/container`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile(CONTAINER_TOKEN),
  }),
  "a web identity": () => ({
    AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile(IDENTITY_TOKEN),
    AWS_ROLE_ARN: "arn:aws:iam::1:role/r",
    AWS_ENDPOINT_URL_STS: aws.url,
  }),
};

function openBucket(more: Record<string, string>): S3Bucket {
  const { storage } = readConfig(undefined, { ...bucketSettings(), ...more });
  if (storage.kind !== "s3") throw new Error("not S3");
  return new S3Bucket(
    storage,
    () => undefined,
    () => now,
  );
}

const put = (bucket: S3Bucket, key: string) =>
  bucket.send({ method: "PUT", key, bytes: 1, body: Uint8Array.of(1) }, async () => true);

describe("credentials of a bucket", () => {
  test.each(Object.entries(SOURCES))("come from %s", async (_, source) => {
    expect(await put(openBucket(source()), "a")).toBe(true);
    expect([...s3.objects.keys()]).toEqual(["a"]);
  });

  test("that the settings name come before everything that AWS gives", async () => {
    const own = { STORAGE_ACCESS_KEY: s3.accessKey, STORAGE_SECRET_KEY: s3.secretKey, STORAGE_SESSION_TOKEN: TOKEN };
    const bucket = openBucket({ ...own, AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url });
    expect([await put(bucket, "a"), aws.asked]).toEqual([true, []]);
  });

  test("of a role are fetched once for many requests, and anew before they end, while requests go on", async () => {
    const bucket = openBucket({ AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url });
    await Promise.all(["a", "b", "c"].map((key) => put(bucket, key)));
    expect(aws.asked).toHaveLength(3);
    now = later(56);
    aws.given = { ...aws.given, expiresAt: later(120) };
    expect(await put(bucket, "d")).toBe(true);
    // This request has used the old credentials. Beyond their end, only new ones are valid.
    now = later(61);
    expect(await put(bucket, "e")).toBe(true);
    expect(aws.asked).toHaveLength(6);
  });

  test("of a role stay in use while their source is down, until they end", async () => {
    const bucket = openBucket({ AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url });
    await put(bucket, "a");
    aws.isDown = true;
    for (const minute of [56, 58]) {
      now = later(minute);
      expect(await put(bucket, "b")).toBe(true);
    }
    now = later(60);
    expect(put(bucket, "c")).rejects.toMatchObject({ error: { code: "storage_failed" } });
    await put(bucket, "c").catch(() => undefined);
    aws.isDown = false;
    aws.given = { ...aws.given, expiresAt: later(120) };
    expect(await put(bucket, "d")).toBe(true);
  });

  test("that the storage refuses are fetched anew, and the request is sent again", async () => {
    const bucket = openBucket({ AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url });
    aws.given = { ...aws.given, sessionToken: "revoked" };
    const first = put(bucket, "a").catch(() => "refused");
    expect(await first).toBe("refused");
    aws.given = { ...aws.given, sessionToken: TOKEN };
    expect(await put(bucket, "b")).toBe(true);
  });
});

describe("a registry on S3 says at the start", () => {
  async function startProblem(more: Record<string, string>): Promise<string> {
    const config = readConfig(undefined, { DATA_DIR: directory, LOG_LEVEL: "silent", ...bucketSettings(), ...more });
    const opened = openDeps(config);
    return opened.then(
      () => "it started",
      (cause: Error) => cause.message,
    );
  }

  test("which source gave no credentials", async () => {
    aws.isDown = true;
    const source = { AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url };
    expect(await startProblem(source)).toContain(
      `no other credentials can be had. ${aws.url}/latest/api/token: it answered 500`,
    );
    const identity = { AWS_WEB_IDENTITY_TOKEN_FILE: join(directory, "none"), AWS_ROLE_ARN: "arn:aws:iam::1:role/r" };
    expect(await startProblem(identity)).toContain(`${join(directory, "none")}: it cannot be read`);
  });

  test("in which region the bucket is", async () => {
    const own = { STORAGE_ACCESS_KEY: s3.accessKey, STORAGE_SECRET_KEY: s3.secretKey, STORAGE_SESSION_TOKEN: TOKEN };
    const problem = await startProblem({ ...own, STORAGE_REGION: "eu-west-7" });
    expect(problem).toContain(
      `STORAGE_REGION: is eu-west-7, but bucket ${s3.bucket} is in us-east-1. Set it to us-east-1`,
    );
  });

  test("which settings it lacks where no role can be", () => {
    expect(() => readConfig(undefined, bucketSettings())).toThrow(
      "STORAGE_ACCESS_KEY: is required with STORAGE_TYPE=S3",
    );
    const half = { ...bucketSettings(), STORAGE_ACCESS_KEY: "a" };
    expect(() => readConfig(undefined, half)).toThrow("STORAGE_SECRET_KEY: is required with STORAGE_ACCESS_KEY");
    const foreign = { ...bucketSettings(), AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://example.org/" };
    expect(() => readConfig(undefined, foreign)).toThrow(
      "AWS_CONTAINER_CREDENTIALS_FULL_URI: must be an https:// address",
    );
  });
});

test("addresses for clients have STORAGE_PUBLIC_ENDPOINT, with a signature for it", async () => {
  const bucket = openBucket({
    ...SOURCES["variables of AWS"]?.(),
    STORAGE_PUBLIC_ENDPOINT: s3.url.replace("127.0.0.1", "localhost"),
  });
  expect(await put(bucket, "a")).toBe(true);
  const link = bucket.link("a", "a.tgz", "application/gzip") ?? "";
  expect(new URL(link).hostname).toBe("localhost");
  expect((await fetch(link)).status).toBe(200);
  expect((await fetch(link.replace("localhost", "127.0.0.1"))).status).toBe(403);
});

describe.skipIf(s3Missing !== undefined)("with a real S3 server", () => {
  test("the role of an instance gives the credentials of a registry's archives", async () => {
    const real = await testS3();
    const bucketName = await real.createBucket();
    const { STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY, ...others } = real.settings(bucketName);
    aws.given = { accessKey: STORAGE_ACCESS_KEY ?? "", secretKey: STORAGE_SECRET_KEY ?? "", expiresAt: later(60) };
    const { storage } = readConfig(undefined, { ...others, AWS_EC2_METADATA_SERVICE_ENDPOINT: aws.url });
    if (storage.kind !== "s3") throw new Error("not S3");
    const bucket = new S3Bucket(
      storage,
      () => undefined,
      () => START,
    );
    expect(await put(bucket, "a")).toBe(true);
    expect((await Array.fromAsync(bucket.list(""))).map(({ key }) => key)).toEqual(["a"]);
    await real.emptyAndDropBucket(bucketName);
  });
});
