/**
 * A real S3 server for tests.
 *
 * All behaviour tests of a process share `testS3()`. A fault test gets its own server from
 * `startOwnS3()`, to kill, freeze and restart it. `S3_TEST_ENDPOINT`, `S3_TEST_ACCESS_KEY`,
 * `S3_TEST_SECRET_KEY` and `S3_TEST_REGION` name another server for the first, and `S3_TEST_BUCKET`
 * the bucket to use if none can be made. A whole run needs one server: `startSharedS3()` starts it
 * and returns the settings.
 *
 *     describe.skipIf(s3Missing !== undefined)("…", () => …)
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  installS3Server,
  type S3Address,
  type S3Server,
  startS3Server,
  storageSettings,
} from "../../scripts/s3-server.ts";

/** Creates and removes buckets of one server. */
export interface TestS3 extends S3Address {
  /**
   * Returns a new, empty bucket. With `S3_TEST_BUCKET` it returns that one, in which this process
   * has its own prefix.
   */
  createBucket(): Promise<string>;
  /** Deletes all objects, and the bucket if this module made it. */
  emptyAndDropBucket(bucket: string): Promise<void>;
  /** The file that holds an object. Undefined if this process cannot see the server's files. */
  pathOf(bucket: string, key: string): string | undefined;
  /** The settings of a registry that uses the bucket. */
  settings(bucket: string): Record<string, string>;
  /** A client of the bucket, to look at it and to change it without the registry. */
  client(bucket: string): Bun.S3Client;
}

/** A server that no other test uses. */
export interface OwnS3 extends TestS3 {
  readonly server: S3Server;
}

/** The address of a server, and what it allows. */
interface Place extends S3Address {
  readonly directory?: string | undefined;
  readonly onlyBucket?: string | undefined;
}

/**
 * Why there is no S3 server. Tests then skip, and this module prints the reason in one line.
 * Continuous integration skips nothing: there this stays undefined, and the tests fail for the same
 * reason.
 */
export const s3Missing: string | undefined = await findMissing();

let shared: Promise<TestS3> | undefined;

async function findMissing(): Promise<string | undefined> {
  if (process.env.CI === "true" || process.env.S3_TEST_ENDPOINT) return undefined;
  const missing = process.env.S3_TEST_MISSING;
  const installed = missing ? { missing } : await installS3Server();
  if ("binary" in installed) return undefined;
  console.error(`cpm-registry: tests with a real S3 server are skipped: ${installed.missing}`);
  return installed.missing;
}

/**
 * Returns the S3 server of this test process. The first caller starts it, and it ends with the
 * process. Rejects if there is none.
 */
export function testS3(): Promise<TestS3> {
  shared ??= openTestS3();
  return shared;
}

/**
 * Starts a server for one test file, which has to call `server.remove()`. Rejects if there is none.
 */
export async function startOwnS3(): Promise<OwnS3> {
  const server = await startInstalled();
  return { ...bucketsOf(server), server };
}

/**
 * Starts a server for several test processes. `env` goes into their environment. It is empty if the
 * environment names a server already. If there is no server, it has the reason, so that not every
 * process tries to get one.
 */
export async function startSharedS3(): Promise<{ env: Record<string, string>; remove(): Promise<void> }> {
  const remove = async () => {};
  if (process.env.S3_TEST_ENDPOINT) return { env: {}, remove };
  const installed = await installS3Server();
  if ("missing" in installed) return { env: { S3_TEST_MISSING: installed.missing }, remove };
  const server = await startS3Server(installed);
  const env = {
    S3_TEST_ENDPOINT: server.endpoint,
    S3_TEST_ACCESS_KEY: server.accessKey,
    S3_TEST_SECRET_KEY: server.secretKey,
    S3_TEST_REGION: server.region,
    S3_TEST_DIRECTORY: server.directory,
  };
  return { env, remove: () => server.remove() };
}

async function startInstalled(): Promise<S3Server> {
  const missing = process.env.S3_TEST_MISSING;
  const installed = missing ? { missing } : await installS3Server();
  if ("missing" in installed) throw new Error(`No S3 server for tests: ${installed.missing}`);
  return startS3Server(installed);
}

async function openTestS3(): Promise<TestS3> {
  const endpoint = process.env.S3_TEST_ENDPOINT;
  if (!endpoint) return bucketsOf(await startInstalled());
  return bucketsOf({
    endpoint,
    region: process.env.S3_TEST_REGION || "us-east-1",
    accessKey: required("S3_TEST_ACCESS_KEY"),
    secretKey: required("S3_TEST_SECRET_KEY"),
    directory: process.env.S3_TEST_DIRECTORY || undefined,
    onlyBucket: process.env.S3_TEST_BUCKET || undefined,
  });
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`S3_TEST_ENDPOINT is set, and ${name} is not.`);
  return value;
}

function bucketsOf(place: Place): TestS3 {
  const { endpoint, region, accessKey, secretKey, directory, onlyBucket } = place;
  const prefix = onlyBucket === undefined ? "" : `cpm-test-${process.pid}-${randomBytes(4).toString("hex")}/`;
  const credentials = { endpoint, region, accessKeyId: accessKey, secretAccessKey: secretKey };
  let count = 0;
  const clientOf = (bucket: string) => new Bun.S3Client({ ...credentials, bucket });
  return {
    endpoint,
    region,
    accessKey,
    secretKey,
    async createBucket() {
      if (onlyBucket !== undefined) return onlyBucket;
      count += 1;
      const name = `cpm-test-${process.pid}-${count}-${randomBytes(4).toString("hex")}`;
      await askOfBucket(credentials, name, "PUT");
      return name;
    },
    async emptyAndDropBucket(bucket) {
      await empty(clientOf(bucket), prefix);
      if (onlyBucket === undefined) await askOfBucket(credentials, bucket, "DELETE");
    },
    pathOf: (bucket, key) => (directory === undefined ? undefined : join(directory, bucket, key)),
    settings: (bucket) => ({
      ...storageSettings(place, bucket),
      ...(prefix === "" ? {} : { STORAGE_KEY_PREFIX: prefix }),
    }),
    client: clientOf,
  };
}

/**
 * Sends a request about a bucket. Bun's client has none, but one for a host without buckets signs
 * any path, so also a bucket's.
 */
async function askOfBucket(credentials: Bun.S3Options, bucket: string, method: "PUT" | "DELETE"): Promise<void> {
  const url = new Bun.S3Client({ ...credentials, virtualHostedStyle: true }).presign(bucket, { method });
  const response = await fetch(url, { method });
  if (!response.ok) throw new Error(`${method} of bucket ${bucket}: ${response.status} ${await response.text()}`);
}

async function empty(client: Bun.S3Client, prefix: string): Promise<void> {
  for (;;) {
    const { contents = [] } = await client.list({ prefix });
    if (contents.length === 0) return;
    await Promise.all(contents.map(({ key }) => client.delete(key)));
  }
}
