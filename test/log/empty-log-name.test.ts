import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../../src/config/config.ts";
import { readState } from "../../src/log/log-rows.ts";
import { closeDeps, openDeps } from "../../src/start/open-deps.ts";
import { waitUntil } from "../support/wait-until.ts";

/* The log of a new registry with SQLite gets its name from the settings until it has a leaf. */

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "cpm-log-name-test-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/**
 * Starts a registry with these settings, appends leaves, and stops it. Returns the log's origin.
 */
async function start(settings: Readonly<Record<string, string>>, leaves: readonly string[] = []): Promise<string> {
  const deps = await openDeps(readConfig(undefined, { DATA_DIR: dataDir, LOG_LEVEL: "silent", ...settings }));
  try {
    await waitUntil(
      async () => (await deps.blobs.readSidecar("log/checkpoint"))?.startsWith(deps.log.origin) === true,
      "the checkpoint is copied",
    );
    expect(deps.log.signer).toBeDefined();
    expect(deps.log.rollback).toBeUndefined();
    if (leaves.length > 0) await deps.db.write((session) => deps.log.append(session, leaves));
    const { origin, checkpoint } = await deps.db.read(readState);
    expect([origin, checkpoint.split("\n", 1)[0]]).toEqual([deps.log.origin, deps.log.origin]);
    return origin;
  } finally {
    await closeDeps(deps);
  }
}

const keyLines = () => readFileSync(join(dataDir, "log.key"), "utf8").trim().split("\n");

test("a log without leaves takes the name of PUBLIC_URL when it is set later", async () => {
  expect(await start({})).toBe("localhost:5000/log");
  expect(await start({ PUBLIC_URL: "https://cpm.example.org" })).toBe("cpm.example.org/log");
  expect(keyLines()).toEqual([expect.stringContaining("PRIVATE+KEY+cpm.example.org/log+")]);
  expect(await start({ LOG_ORIGIN: "other.example.org/log" }, ["a leaf\n"])).toBe("other.example.org/log");
});

test("a log with a leaf keeps its name and its key", async () => {
  expect(await start({}, ["a leaf\n"])).toBe("localhost:5000/log");
  const key = keyLines();
  expect(await start({ PUBLIC_URL: "https://cpm.example.org" })).toBe("localhost:5000/log");
  expect(keyLines()).toEqual(key);
});
