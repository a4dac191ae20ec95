import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { noteNewJwtKeyInUse, readOldJwtKey, readOrMakeJwtKeys } from "../../src/config/jwt-key.ts";
import { Secret } from "../../src/config/secret.ts";
import { openDatabase } from "../../src/db/open.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";
import { openSecret, sealSecret } from "../../src/webhooks/secret.ts";
import { HOUR_MS, runCommand } from "./scene.ts";

let dataDir: string;

const run = (...args: string[]) => runCommand({ JWT_KEY: "", LOG_SIGNING_KEY: "", DATA_DIR: dataDir }, ...args);
const rotate = (...args: string[]) => run("admin", "rotate-jwt-key", ...args);

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "cpm-jwt-"));
  expect((await run("migrate")).exitCode).toBe(0);
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const keys = () => readOrMakeJwtKeys(dataDir).reveal();

test("admin rotate-jwt-key puts a new key before the present one, and --finish removes the old one", async () => {
  const [first] = keys();
  const { exitCode, stdout, stderr } = await rotate();
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("12 hours after the restart, remove it with --finish");
  const [second, ...old] = keys();
  expect([old, second === first]).toEqual([[first], false]);
  expect(statSync(join(dataDir, "jwt.key")).mode & 0o777).toBe(0o600);
  for (const early of [["--finish"], []]) {
    const refused = await rotate(...early);
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("no registry was started with")]);
  }
  const startedAt = Date.now() - 11 * HOUR_MS;
  noteNewJwtKeyInUse(dataDir, keys(), new Date(startedAt));
  noteNewJwtKeyInUse(dataDir, keys(), new Date());
  const end = new Date(startedAt + 12 * HOUR_MS).toISOString();
  for (const early of [["--finish", "--json"], ["--json"]]) {
    const { exitCode, stdout, stderr } = await rotate(...early);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`last until ${end}`)]);
    expect(JSON.parse(stdout)).toEqual({ changed: false, refused: expect.stringContaining("--now") });
  }
  expect(keys()).toEqual([second, first]);
  writeFileSync(join(dataDir, "jwt.key.since"), new Date(Date.now() - 12 * HOUR_MS).toISOString());
  expect((await rotate("--finish")).exitCode).toBe(0);
  expect(keys()).toEqual([second]);
  expect((await rotate("--finish")).stdout).toContain("no old one to remove");
  expect(readdirSync(dataDir).filter((name) => name.startsWith("jwt"))).toEqual(["jwt.key"]);
});

test("admin rotate-jwt-key --now lets an old key go before its sessions ended", async () => {
  const [first] = keys();
  await rotate();
  const [second] = keys();
  expect((await rotate("--now")).exitCode).toBe(0);
  const [third, ...old] = keys();
  expect([old, third === first, third === second]).toEqual([[second], false, false]);
  expect((await rotate("--finish", "--now")).exitCode).toBe(0);
  expect(keys()).toEqual([third]);
});

test("admin rotate-jwt-key --end-sessions keeps no old key", async () => {
  const before = keys();
  const { stdout } = await rotate("--end-sessions", "--json");
  expect(JSON.parse(stdout)).toEqual({ changed: true, path: join(dataDir, "jwt.key"), oldKeyAccepted: false });
  expect(keys()).toHaveLength(1);
  expect(keys()).not.toEqual(before);
  expect((await rotate("--end-sessions")).stdout).toContain("webhook");
  expect((await rotate("--end-sessions", "--finish")).exitCode).toBe(64);
});

test("admin rotate-jwt-key says what to do where the key is a setting, and changes nothing", async () => {
  const before = readFileSync(join(dataDir, "jwt.key"), "utf8");
  const { exitCode, stdout, stderr } = await runCommand({ DATA_DIR: dataDir }, "admin", "rotate-jwt-key");
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("Set it to a new key (openssl rand -base64 48) and the present one, with a space");
  expect(readFileSync(join(dataDir, "jwt.key"), "utf8")).toBe(before);
});

test("a registry that starts with a new key writes down from when on the old one is not used", async () => {
  await rotate();
  const at = new Date("2026-11-02T03:04:05.000Z");
  const config = readConfig(undefined, { DATA_DIR: dataDir, PORT: "0" });
  for (const now of [at, new Date()]) await closeDeps(await openDeps(config, () => now));
  expect(readOldJwtKey(dataDir)).toEqual({ unusedSince: at });
});

test("admin rotate-jwt-key makes no key in a directory without a registry", async () => {
  const directory = join(dataDir, "elsewhere");
  const env = { JWT_KEY: "", LOG_SIGNING_KEY: "", DATA_DIR: directory };
  const { exitCode, stderr } = await runCommand(env, "admin", "rotate-jwt-key");
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("There is no database at")]);
  const backup = await runCommand(env, "backup", "create", join(dataDir, "backup"));
  expect([backup.exitCode, backup.stderr]).toEqual([1, expect.stringContaining("There is no database at")]);
  expect([existsSync(directory), existsSync(join(dataDir, "backup"))]).toEqual([false, false]);
});

/** A webhook of a new account, whose secret is sealed with the present key. */
async function plantWebhook(secret: string): Promise<void> {
  const db = await openDatabase({ kind: "sqlite", path: join(dataDir, "registry.db") });
  const [now, userId] = [new Date(), crypto.randomUUID()];
  const [username, email] = ["ada", "ada@example.org"];
  const folded = { usernameFolded: username, usernameSkeleton: username, emailFolded: email };
  const user = { id: userId, username, email, ...folded, passwordHash: "", role: "user" as const, createdAt: now };
  const sealedSecret = sealSecret(new Secret(keys()), WEBHOOK_ID, secret);
  const row = { url: "https://ci.example/", kinds: ["*"], packages: ["*"], lastEventId: 0, failures: 0 };
  await db.write(async ({ query, tables: { users, webhooks } }) => {
    await query.insert(users).values(user);
    await query
      .insert(webhooks)
      .values({ id: WEBHOOK_ID, userId, ...row, sealedSecret, createdAt: now, leaseUntil: now });
  });
  await db.close();
}

const WEBHOOK_ID = "00000000-0000-4000-8000-000000000001";

async function openedSecret(): Promise<string | undefined> {
  const db = await openDatabase({ kind: "sqlite", path: join(dataDir, "registry.db") });
  const [row] = await db.read(({ query, tables: { webhooks } }) => query.select().from(webhooks));
  await db.close();
  return openSecret(new Secret(keys()), WEBHOOK_ID, row?.sealedSecret ?? "")?.secret;
}

test("no way to replace the key loses the secrets of webhooks, also without a restart in between", async () => {
  await plantWebhook("whsec_1");
  await rotate();
  expect((await rotate("--finish", "--now")).exitCode).toBe(0);
  expect(await openedSecret()).toBe("whsec_1");
  await rotate();
  expect((await rotate("--end-sessions")).exitCode).toBe(0);
  expect([keys().length, await openedSecret()]).toEqual([1, "whsec_1"]);
});
