import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { checkHealth } from "../../src/health/health.ts";
import { knownLogKey } from "../../src/log/log-rows.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";
import { runCommand } from "../maintenance/scene.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cpm-log-key-file-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("a log whose key file is missing is read-only, and no other key is created", async () => {
  const dataDir = join(directory, "gone");
  const config = readConfig(undefined, { DATA_DIR: dataDir, LOG_LEVEL: "silent" });
  const first = await openDeps(config);
  const known = (await first.db.read(knownLogKey)) ?? "";
  await closeDeps(first);
  const path = join(dataDir, "log.key");
  const kept = readFileSync(path, "utf8");
  rmSync(path);
  const without = await openDeps(config);
  expect(without.log.signer).toBeUndefined();
  await expect(without.db.write((session) => without.log.append(session, ["leaf\n"]))).rejects.toMatchObject({
    error: { code: "log_key_missing" },
  });
  expect(await checkHealth(without)).toMatchObject({ checks: { log: "failing" }, warnings: ["log_key_missing"] });
  await closeDeps(without);
  const printed = await runCommand({ DATA_DIR: dataDir, LOG_SIGNING_KEY: "" }, "log", "key");
  expect([printed.exitCode, printed.stderr]).toEqual([
    1,
    expect.stringContaining(`${path} is missing, but the database exists`),
  ]);
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, kept);
  const again = await openDeps(config);
  expect(await again.db.read(knownLogKey)).toBe(known);
  await closeDeps(again);
});

test.each([
  ["log.key", "contains no signing key of a log. Put the right file back."],
  ["jwt.key", "must be at least 32 bytes long. Make one: openssl rand -base64 48"],
])("a %s with other contents ends serve with one line that names the file", async (file, what) => {
  const dataDir = mkdtempSync(join(directory, "other-"));
  writeFileSync(join(dataDir, file), "junk\n");
  const settings = { DATA_DIR: dataDir, LOG_SIGNING_KEY: "", JWT_KEY: "", PORT: "0" };
  const { exitCode, stderr } = await runCommand(settings, "serve");
  expect([exitCode, stderr]).toEqual([1, `cpm-registry cannot start: ${join(dataDir, file)} ${what}\n`]);
});
