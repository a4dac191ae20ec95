import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { Credentials } from "../../src/client/credentials.ts";
import { Home } from "../../src/client/home.ts";
import { generateKey } from "../../src/client/stored-keys.ts";
import { KnownKeys } from "../../src/verify/known-keys.ts";
import { SeenLogs } from "../../src/verify/seen-logs.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, makeKey, newAccount } from "../support/client.ts";
import { goMissing, runProgram } from "../support/go-program.ts";
import { addKey, newKey, removeKey } from "../support/key-statements.ts";
import { FIRST_LOG_KEY, newLogKey, rotateLogKey, vkeyOf } from "../support/log-keys.ts";
import { onBothDatabases, TEST_LOG_ORIGIN, type TestRegistry } from "../support/registry.ts";

/* The Go module under clients/go: its own tests, and against running registries. */

const MODULE = join(import.meta.dir, "../../clients/go");
const VECTORS = process.env.CPM_VECTORS ?? join(import.meta.dir, "../../../shared/vectors");

const missing = await goMissing(MODULE);
if (missing !== undefined) console.log(`Not tested: clients/go. ${missing}`);

const scratch = mkdtempSync(join(tmpdir(), "cpm-go-client-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const program = join(scratch, "client.test");
const goTests = (pattern: string, env: Readonly<Record<string, string>> = {}) =>
  runProgram([program, "-test.count=1", `-test.run=${pattern}`, "-test.v"], MODULE, env);

describe.skipIf(missing !== undefined)("the Go module", () => {
  beforeAll(async () => {
    const built = await runProgram(["go", "test", "-c", "-o", program, "."], MODULE);
    expect(built).toEqual({ status: 0, output: "" });
  });

  test("go vet and gofmt find nothing", async () => {
    expect(await runProgram(["go", "vet", "./..."], MODULE)).toEqual({ status: 0, output: "" });
    expect(await runProgram(["gofmt", "-l", "."], MODULE)).toEqual({ status: 0, output: "" });
  });

  test("its own tests pass", async () => {
    const vectors = (await Bun.file(join(VECTORS, "README.md")).exists()) ? { CPM_VECTORS: VECTORS } : undefined;
    if (vectors === undefined) console.log("clients/go: public vectors are not on this machine");
    const { status, output } = await goTests(".", vectors);
    expect([status, output.match(/^--- FAIL.*$/gm)]).toEqual([0, null]);
    expect(output.match(/^--- PASS/gm)?.length).toBeGreaterThan(40);
  });

  test("it reads the configuration, the token and the encrypted key that cpm-registry writes", async () => {
    const home = new Home(mkdtempSync(join(scratch, "shared-")));
    const work = { url: "https://cpm.example.org:8443/registry", key: vkeyOf(FIRST_LOG_KEY) };
    await home.updateConfig(() => ({ registry: "work", registries: { home: { url: "localhost:5000" }, work } }));
    const credential = { token: "cpm_shared", username: "alice", label: "laptop" };
    await new Credentials(home.credentialsPath).save("https://cpm.example.org:8443", credential);
    await generateKey(home.keysDirectory, "another", "");
    const { publicKey } = await generateKey(home.keysDirectory, "default", "secret");
    const shared = { CPM_TEST_SHARED_HOME: home.directory, CPM_TEST_SHARED_KEY: publicKey };
    const { status, output } = await goTests("FilesOfCpmRegistry", shared);
    expect([status, output.match(/^--- PASS/gm)?.length]).toEqual([0, 1]);
  });

  onBothDatabases("against a registry", (registry) => {
    let environment: Record<string, string>;

    beforeAll(async () => {
      environment = await setScene(registry());
    });

    test("it publishes, searches, fetches and replays keys, before and after the log's key changes", async () => {
      for (const key of [undefined, newLogKey(), undefined]) {
        if (key !== undefined) await rotateLogKey(registry(), FIRST_LOG_KEY, key);
        const { status, output } = await goTests("Real|InTheDatabaseAlone", environment);
        expect([status, status === 0 ? "" : output]).toEqual([0, ""]);
        expect(output.match(/^--- PASS/gm)?.length).toBe(4);
      }
      // cpm-registry reads what the module remembered.
      const { CPM_TEST_HOME: home = "" } = environment;
      const log = await new SeenLogs(join(home, "log")).log(TEST_LOG_ORIGIN);
      expect(log?.retired).toEqual([vkeyOf(FIRST_LOG_KEY)]);
      expect(await new SeenLogs(join(home, "log")).originOf(registry().url)).toBe(TEST_LOG_ORIGIN);
      expect(await new KnownKeys(join(home, "known-keys.json")).of(TEST_LOG_ORIGIN, "go-rotated")).toMatchObject({
        seq: 2,
      });
    });
  });
});

/** Publishes a package whose key was rotated, and one that a key signed which stands only in the database. */
async function setScene(registry: TestRegistry): Promise<Record<string, string>> {
  const owner = await newAccount(registry, "go");
  const [first, second] = [await newKey(owner), await newKey(owner)];
  const publish = async (name: string, version: string, key: typeof first, by: Client = owner) => {
    const { status, text } = await by.publish(name, version, makePackage({ name, version }), key);
    expect([status, status === 201 ? "" : text]).toEqual([201, ""]);
  };
  await publish("go-rotated", "1.0.0", first);
  expect((await addKey(owner, "go-rotated", second, { by: first })).status).toBe(200);
  expect((await removeKey(owner, "go-rotated", first, { by: second })).status).toBe(200);
  await publish("go-rotated", "1.1.0", second);

  await publish("go-planted", "1.0.0", first);
  const mallory = await newAccount(registry, "mallory");
  const stranger = makeKey();
  await registry.deps.db.write(async ({ query, tables: { packages, packageOwners, packageKeys, users } }) => {
    const [row] = await query.select({ id: packages.id }).from(packages).where(eq(packages.name, "go-planted"));
    const [user] = await query.select({ id: users.id }).from(users).where(eq(users.username, mallory.username));
    if (row === undefined || user === undefined) throw new Error("The scene is not set up");
    const now = new Date();
    await query.insert(packageOwners).values({ packageId: row.id, userId: user.id, createdAt: now });
    const planted = { packageId: row.id, publicKey: stranger.publicHex, status: "active", addedAt: now } as const;
    await query.insert(packageKeys).values(planted);
  });
  await publish("go-planted", "2.0.0", stranger, mallory);

  const publisher = await newAccount(registry, "go-publisher");
  const made = await publisher.post("/api/auth/tokens", {
    label: "go",
    scopes: ["read", "publish-new", "publish-update"],
  });
  expect(made.status).toBe(201);
  return {
    CPM_TEST_REGISTRY: registry.url,
    CPM_TEST_TOKEN: made.body.token,
    CPM_TEST_HOME: mkdtempSync(join(scratch, "home-")),
    CPM_TEST_ROTATED: "go-rotated",
    CPM_TEST_PLANTED: "go-planted",
  };
}
