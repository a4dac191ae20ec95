import { describe, expect, test } from "bun:test";
import { eq, gte } from "drizzle-orm";
import { ConfigError } from "../../src/config/config.ts";
import { makeLogKey } from "../../src/config/log-key.ts";
import { readState } from "../../src/log/log-rows.ts";
import { openLog } from "../../src/log/open-log.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { systemClock } from "../../src/start/system-clock.ts";
import { formatCheckpoint } from "../../src/tlog/checkpoint.ts";
import { parseSignerKey, type SignerKey, signNote } from "../../src/tlog/note.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Client, expectProblem, makeKey, newAccount } from "../support/client.ts";
import { onBothDatabases, overriding, startRegistry, TEST_LOG_KEY, type TestRegistry } from "../support/registry.ts";
import { newAdmin } from "../support/roles.ts";
import { waitUntil } from "../support/wait-until.ts";

function signerOf(text: string): SignerKey {
  const signer = parseSignerKey(text);
  if (signer === undefined) throw new Error("a test's key is none");
  return signer;
}

const SIGNER = signerOf(TEST_LOG_KEY);
const key = makeKey();
/**
 * The wait for a copy of the checkpoint. The copy that the announcer makes anyway comes after seven
 * seconds; this one has to come before it, also on a busy machine.
 */
const ANNOUNCED_WITHIN_MS = 6_500;

const publish = (by: Client, name: string, version = "1.0.0") =>
  by.publish(name, version, makePackage({ name, version }), key);

/** Waits until the checkpoint in the blob store is that of the database. */
async function announced({ deps }: TestRegistry): Promise<void> {
  const isCopied = async () =>
    (await deps.blobs.readSidecar(CHECKPOINT_COPY)) === (await deps.db.read(readState)).checkpoint;
  await waitUntil(isCopied, "the checkpoint is copied", ANNOUNCED_WITHIN_MS);
}

/**
 * Publishes and waits for the checkpoint's copy. Returns the log before and after it, and functions
 * that set the database to either.
 */
async function publishedSince(registry: TestRegistry, by: Client, name: string) {
  const { db } = registry.deps;
  const older = await db.read(readState);
  expect((await publish(by, name)).status).toBe(201);
  await announced(registry);
  const newest = await db.read(readState);
  const restore = (state: typeof older) =>
    db.write(async ({ query, tables: { logState } }) => {
      await query.update(logState).set(state).where(eq(logState.id, 1));
    });
  return { older, newest, restore };
}

onBothDatabases("a log that is opened again", (registry) => {
  const opened = (signer = SIGNER) => openLog(registry().deps, [signer]);

  test("a reopened log continues, is refused with another origin, and is read-only with another key", async () => {
    const alice = await newAccount(registry(), "again");
    for (const name of ["one", "two", "three"]) expect((await publish(alice, name)).status).toBe(201);
    await announced(registry());
    expect((await opened()).rollback).toBeUndefined();
    await expect(opened(signerOf(makeLogKey("elsewhere.test/log")))).rejects.toThrow(ConfigError);
    expect((await opened(signerOf(makeLogKey("registry.test/log")))).signer).toBeUndefined();
  });

  test("the log of a database that was restored from an older backup is read-only", async () => {
    const { blobs } = registry().deps;
    const alice = await newAccount(registry(), "restored");
    const { older, newest, restore } = await publishedSince(registry(), alice, "lost");
    await restore(older);
    expect((await opened()).rollback).toEqual({ publishedSize: older.size + 1, foundSize: older.size });
    await restore(newest);
    expect((await opened()).rollback).toBeUndefined();
    const forked = { origin: older.origin, size: older.size, root: Buffer.alloc(32, 7) };
    await blobs.putSidecar(CHECKPOINT_COPY, signNote(formatCheckpoint(forked), SIGNER));
    expect((await opened()).rollback).toEqual({ publishedSize: older.size, foundSize: newest.size });
    const foreign = signerOf(makeLogKey(older.origin));
    await blobs.putSidecar(CHECKPOINT_COPY, signNote(formatCheckpoint({ ...forked, size: 1 }), foreign));
    expect((await opened()).rollback).toEqual({ publishedSize: undefined, foundSize: newest.size });
    await blobs.putSidecar(CHECKPOINT_COPY, older.checkpoint);
    expect((await opened()).rollback).toBeUndefined();
  });

  test("a log is not forked after a replica without the last changes took over, and continues with the right database", async () => {
    const { blobs, log } = registry().deps;
    const alice = await newAccount(registry(), "failover");
    const { older, newest, restore } = await publishedSince(registry(), alice, "acknowledged");
    await restore(older);
    expectProblem(await publish(alice, "forking"), 503, "log_rollback");
    expect(await blobs.readSidecar(CHECKPOINT_COPY)).toBe(newest.checkpoint);
    await waitUntil(() => log.rollback !== undefined, "the rollback is noticed");
    expect(log.rollback).toEqual({ publishedSize: newest.size, foundSize: older.size });
    expect(await blobs.readSidecar(CHECKPOINT_COPY)).toBe(newest.checkpoint);
    expect((await alice.get("/health/ready")).status).toBe(503);
    await restore(newest);
    await waitUntil(() => log.rollback === undefined, "the rollback is over");
    expect((await publish(alice, "forking")).status).toBe(201);
  }, 20_000);

  test("a start while another server publishes and copies its checkpoint is no rollback", async () => {
    const { db, blobs } = registry().deps;
    const alice = await newAccount(registry(), "meanwhile");
    expect((await publish(alice, "before")).status).toBe(201);
    const slow = overriding(blobs, {
      readSidecar: async (name) => {
        expect((await publish(alice, "meanwhile")).status).toBe(201);
        await announced(registry());
        return blobs.readSidecar(name);
      },
    });
    expect((await openLog({ db, blobs: slow, clock: systemClock }, [SIGNER])).rollback).toBeUndefined();
  });

  test.each<[what: string, damaged: (copy: string) => string | undefined]>([
    ["is cut off", (copy) => copy.slice(0, 40)],
    ["has a wrong bit", (copy) => copy.replace("\n\n", "\n!\n")],
    ["is of another log", () => "<html>Bad gateway</html>"],
  ])("an answer of the storage that %s is no rollback, unless the copy itself is damaged", async (_, damaged) => {
    const { db, blobs } = registry().deps;
    const copy = (await blobs.readSidecar(CHECKPOINT_COPY)) ?? "";
    const opening = async (badReads: number) => {
      let reads = 0;
      const readSidecar = async () => {
        reads += 1;
        return reads > badReads ? copy : damaged(copy);
      };
      const { rollback } = await openLog({ db, clock: systemClock, blobs: overriding(blobs, { readSidecar }) }, [
        SIGNER,
      ]);
      return { rollback, reads };
    };
    expect(await opening(0)).toEqual({ rollback: undefined, reads: 1 });
    expect(await opening(1)).toEqual({ rollback: undefined, reads: 2 });
    const { size } = await db.read(readState);
    expect((await opening(100)).rollback).toEqual({ publishedSize: undefined, foundSize: size });
  });

  test("the log of a registry that is older than its log has every version once, in order of publishing", async () => {
    const { db } = registry().deps;
    const alice = await newAccount(registry(), "older");
    for (const version of ["1.0.0", "2.0.0"]) await publish(alice, "older", version);
    await alice.send("DELETE", "/api/packages/older/1.0.0", { reason: "broken" });
    const admin = await newAdmin(registry());
    for (const path of ["older", "older/2.0.0"]) {
      await admin.send("PUT", `/api/packages/${path}/quarantine`, { reason: "held", category: "legal" });
    }
    await announced(registry());
    await db.write(async ({ query, tables: { logState, logLeaves, logTiles, packageStatuses, versions } }) => {
      await query.delete(packageStatuses);
      await query.delete(logState);
      await query.delete(logLeaves).where(gte(logLeaves.index, 0));
      await query.delete(logTiles);
      await query.update(versions).set({ logIndex: null, yankSeq: 0 });
    });
    await registry().deps.blobs.putSidecar(CHECKPOINT_COPY, "");
    // The blob store has no checkpoint yet.
    const blobs = { ...registry().deps.blobs, readSidecar: async () => undefined };
    await Promise.all([
      openLog({ db, blobs, clock: systemClock }, [SIGNER]),
      openLog({ db, blobs, clock: systemClock }, [SIGNER]),
    ]);
    const rows = await db.read(({ query, tables: { versions } }) =>
      query.select({ index: versions.logIndex, seq: versions.yankSeq }).from(versions).orderBy(versions.id),
    );
    expect(rows.map(({ index }) => index)).toEqual(rows.map((_, at) => at));
    expect(rows.reduce((sum, { seq }) => sum + seq, 0)).toBe(1);
    expect((await db.read(readState)).size).toBe(rows.length + 3);
    const { text } = await alice.get(`/log/tile/entries/000.p/${rows.length + 3}`);
    expect(text).toContain("cpm.version/v1 older 2.0.0\n");
    expect(text).toContain("cpm.yank/v1 older 1.0.0 1 yank\nby -\n");
    for (const version of ["*", "2.0.0"]) {
      expect(text).toContain(`cpm.status/v1 older ${version} 1 quarantine\nreason policy\n`);
    }
  });
});

describe("a registry whose database is behind its log", () => {
  test("a registry after a rollback serves reads, refuses changes that would be logged, and is not ready", async () => {
    const first = await startRegistry("sqlite");
    const alice = await newAccount(first, "behind");
    expect((await publish(alice, "kept")).status).toBe(201);
    await announced(first);
    const ahead = { origin: "registry.test/log", size: 9, root: Buffer.alloc(32, 9) };
    const published = signNote(formatCheckpoint(ahead), SIGNER);
    await first.deps.blobs.putSidecar(CHECKPOINT_COPY, published);
    const second = await startRegistry("sqlite", { env: { DATA_DIR: first.dataDir } });
    try {
      const bob = await newAccount(second, "behind");
      expect((await bob.get("/api/packages/kept/1.0.0")).status).toBe(200);
      expect((await bob.get("/api/packages/kept/1.0.0/proof")).status).toBe(200);
      const refused = await publish(bob, "refused");
      expectProblem(refused, 503, "log_rollback");
      expect((await bob.get("/api/packages/refused")).status).toBe(404);
      const { status, body } = await bob.get("/health/ready");
      expect([status, body.checks]).toEqual([503, { database: "ok", storage: "ok", log: "failing" }]);
      expect((await bob.get("/health/live")).status).toBe(200);
      // The next start finds the same rollback.
      await second.stop();
      expect(await first.deps.blobs.readSidecar(CHECKPOINT_COPY)).toBe(published);
    } finally {
      await first.stop();
    }
  });
});
