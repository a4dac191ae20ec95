import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOrMakeJwtKeys } from "../../src/config/jwt-key.ts";
import { runCommand } from "./scene.ts";

let dataDir: string;

beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "cpm-jwt-"));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const rotate = (...args: string[]) =>
  runCommand({ JWT_KEY: "", LOG_SIGNING_KEY: "", DATA_DIR: dataDir }, "admin", "rotate-jwt-key", ...args);
const keys = () => readOrMakeJwtKeys(dataDir).reveal();

test("admin rotate-jwt-key puts a new key before the present one, and --finish removes the old one", async () => {
  const [first] = keys();
  const { exitCode, stdout, stderr } = await rotate();
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("12 hours after the restart, remove it with --finish");
  const [second, ...old] = keys();
  expect([old, second === first]).toEqual([[first], false]);
  expect(statSync(join(dataDir, "jwt.key")).mode & 0o777).toBe(0o600);
  expect((await rotate("--finish")).exitCode).toBe(0);
  expect(keys()).toEqual([second]);
  expect((await rotate("--finish")).stdout).toContain("no old one to remove");
  expect(readdirSync(dataDir)).toEqual(["jwt.key"]);
});

test("admin rotate-jwt-key --end-sessions keeps no old key", async () => {
  const before = keys();
  const { stdout } = await rotate("--end-sessions", "--json");
  expect(JSON.parse(stdout)).toEqual({ changed: true, path: join(dataDir, "jwt.key"), oldKeyAccepted: false });
  expect(keys()).toHaveLength(1);
  expect(keys()).not.toEqual(before);
  expect((await rotate("--end-sessions", "--finish")).exitCode).toBe(64);
});

test("admin rotate-jwt-key says what to do where the key is a setting, and changes nothing", async () => {
  const before = readFileSync(join(dataDir, "jwt.key"), "utf8");
  const { exitCode, stdout, stderr } = await runCommand({ DATA_DIR: dataDir }, "admin", "rotate-jwt-key");
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("Set it to a new key (openssl rand -base64 48) and the present one, with a space");
  expect(readFileSync(join(dataDir, "jwt.key"), "utf8")).toBe(before);
});
