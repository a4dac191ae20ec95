import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileStore } from "../../src/blobs/file-store.ts";
import { readState } from "../../src/log/log-rows.ts";
import { openLog } from "../../src/log/open-log.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { collectGarbage } from "../../src/maintenance/collect-garbage.ts";
import { copyStore } from "../../src/maintenance/copy-store.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount } from "../support/client.ts";
import { type FakeS3, startFakeS3 } from "../support/fake-s3.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";
import { signerOf } from "../verify/scene.ts";

/* What fsck, gc and storage copy do with the log's files beside the archives: nothing. */

const VERSIONS = 3;
const quiet = () => undefined;
const digestOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.each(["files", "S3"])("the log's files beside the archives (%s)", (kind) => {
  let fake: FakeS3 | undefined;
  let registry: TestRegistry;
  let elsewhere: string;

  /** The digest of each file under log/, by its name. */
  const logFiles = (): Map<string, string> => {
    if (fake !== undefined) {
      const ofLog = [...fake.objects].filter(([name]) => name.startsWith("log/"));
      return new Map(ofLog.map(([name, { bytes }]) => [name, digestOf(bytes)]));
    }
    const entries = readdirSync(join(registry.dataDir, "log"), { recursive: true, withFileTypes: true });
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return new Map(paths.map((path) => [path.slice(registry.dataDir.length + 1), digestOf(readFileSync(path))]));
  };

  beforeAll(async () => {
    fake = kind === "S3" ? await startFakeS3() : undefined;
    registry = await startRegistry("sqlite", fake === undefined ? {} : { env: fake.settings() });
    elsewhere = await mkdtemp(join(tmpdir(), "cpm-copied-"));
    const alice = await newAccount(registry);
    const key = makeKey();
    for (let number = 0; number < VERSIONS; number += 1) {
      const version = `1.${number}.0`;
      expect((await alice.publish("logged", version, makePackage({ name: "logged", version }), key)).status).toBe(201);
    }
    const { db, blobs } = registry.deps;
    const { checkpoint } = await db.read(readState);
    await waitUntil(async () => (await blobs.readSidecar(CHECKPOINT_COPY)) === checkpoint, "the checkpoint is copied");
  });
  afterAll(async () => {
    await registry.stop();
    await fake?.stop();
    await rm(elsewhere, { recursive: true, force: true });
  });

  test("fsck takes the log's files for neither orphans nor foreign files, and does not change them", async () => {
    const before = logFiles();
    // Tiles of a smaller size may be there too, if they were written between two publishes.
    expect([...before.keys()]).toEqual(
      expect.arrayContaining(["log/checkpoint", `log/tile/0/000.p/${VERSIONS}`, `log/tile/entries/000.p/${VERSIONS}`]),
    );
    const { checked, problems, orphans, foreign } = await checkStore(registry.deps, { repair: true, report: quiet });
    expect([checked.count, problems.items, orphans.count, foreign.items]).toEqual([VERSIONS, [], 0, []]);
    expect(logFiles()).toEqual(before);
  });

  test("gc without any grace leaves the log's files alone", async () => {
    const before = logFiles();
    const { removed, failures, foreign } = await collectGarbage(registry.deps, {
      ...{ graceMs: 0, dryRun: false, report: quiet },
    });
    expect([removed.count, failures.items, foreign.items]).toEqual([0, [], []]);
    expect(logFiles()).toEqual(before);
  });

  test("storage copy leaves the log's files out, and the log that is opened on the copy says that its guard is missing", async () => {
    const { db, blobs, clock } = registry.deps;
    const before = logFiles();
    const copy = await openFileStore(join(elsewhere, "packages"), undefined, undefined, elsewhere);
    const { copied, skipped, foreign } = await copyStore(blobs, copy, quiet);
    expect([copied.count, skipped.count, foreign.items]).toEqual([VERSIONS, 0, []]);
    expect(existsSync(join(elsewhere, "log", "checkpoint"))).toBe(false);
    expect(existsSync(join(elsewhere, "log", "tile"))).toBe(false);
    const log = await openLog({ db, clock, blobs: copy }, [signerOf()]);
    expect([log.isGuardMissing, log.rollback]).toEqual([true, undefined]);
    expect(logFiles()).toEqual(before);
  });
});
