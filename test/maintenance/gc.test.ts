import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { parseDigest, type Sha256Digest } from "../../src/domain/digest.ts";
import { errorCode, failure } from "../../src/errors.ts";
import { checkStore } from "../../src/maintenance/check-store.ts";
import { collectGarbage } from "../../src/maintenance/collect-garbage.ts";
import { removeUnreferenced } from "../../src/maintenance/remove-blobs.ts";
import {
  beginRemovals,
  endRemovals,
  isStillStored,
  MARK_STALE_AFTER_MS,
  REMOVAL_MAX_MS,
  removalState,
} from "../../src/packages/blob-removals.ts";
import { makePackage } from "../support/archive-maker.ts";
import { makeKey, newAccount, sha256 } from "../support/client.ts";
import { withPlaces } from "../support/places.ts";
import { onBothDatabases, overriding, type TestRegistry } from "../support/registry.ts";
import { HOUR_MS, isStored, makeOlder, pathOf, plant, runOffline } from "./scene.ts";

const DAY_MS = 24 * HOUR_MS;
let planted = 0;

function digestFrom(text: string): Sha256Digest {
  const digest = parseDigest(text);
  if (digest === undefined) throw new Error("not a digest");
  return digest;
}

/** Stores an archive of a given age that nobody published. */
async function orphan(registry: TestRegistry, ageMs: number): Promise<Sha256Digest> {
  planted += 1;
  const bytes = new TextEncoder().encode(`orphan ${registry.kind} ${planted}`);
  return digestFrom(await plant(join(registry.dataDir, "packages"), bytes, ageMs));
}

async function mark(registry: TestRegistry, digest: Sha256Digest, ageMs: number): Promise<void> {
  const at = new Date(Date.now() - ageMs);
  const { db } = registry.deps;
  expect(await db.write((session) => beginRemovals(session, db.kind, [digest], at))).toEqual([digest]);
}

function stateOf({ deps: { db } }: TestRegistry, digest: Sha256Digest) {
  return db.read((session) => removalState(session, digest));
}

const quiet = { graceMs: DAY_MS, dryRun: false, report: () => undefined };

onBothDatabases("gc", (registry) => {
  const store = () => join(registry().dataDir, "packages");

  test("gc removes old orphans and old temporary files, but nothing that is referred to, young or foreign", async () => {
    const alice = await newAccount(registry());
    const archive = makePackage({ name: "kept", version: "1.0.0" });
    expect((await alice.publish("kept", "1.0.0", archive, makeKey())).status).toBe(201);
    await makeOlder(pathOf(store(), sha256(archive)), 30 * DAY_MS);
    const [old, young] = [await orphan(registry(), 2 * DAY_MS), await orphan(registry(), HOUR_MS)];
    const stray = join(store(), "sha256", old.slice(0, 2), "README");
    const upload = join(store(), "incoming", "upload-cut-off");
    const fresh = join(store(), "incoming", "upload-running");
    for (const path of [stray, upload, fresh]) await writeFile(path, "left");
    for (const path of [stray, upload]) await makeOlder(path, 2 * DAY_MS);

    const looked = await runOffline(registry(), "gc", "--dry-run", "--json");
    expect([looked.exitCode, looked.stderr]).toEqual([0, ""]);
    expect(JSON.parse(looked.stdout)).toMatchObject({ dryRun: true, removed: { count: 1 }, temporary: { count: 1 } });
    expect([isStored(store(), old), existsSync(upload)]).toEqual([true, true]);

    const { exitCode, stdout, stderr } = await runOffline(registry(), "gc");
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Removed 1 archive that no version refers to");
    expect(stdout).toContain("and 1 temporary file (4 bytes).");
    expect(stdout).toContain("Kept 1 unreferenced archive younger than 24 h");
    expect(stdout).toContain(`${old.slice(0, 2)}/README`);
    expect([isStored(store(), old), isStored(store(), young)]).toEqual([false, true]);
    expect([existsSync(upload), existsSync(fresh), existsSync(stray)]).toEqual([false, true, true]);
    expect(isStored(store(), sha256(archive))).toBe(true);
    expect(await stateOf(registry(), old)).toMatchObject({ removals: 1, marked: false });

    const everything = JSON.parse((await runOffline(registry(), "gc", "--grace", "0s", "--json")).stdout);
    expect(everything).toMatchObject({ removed: { count: 1 }, temporary: { count: 0 }, foreignCount: 1 });
    expect([isStored(store(), young), existsSync(fresh)]).toEqual([false, true]);
  });

  test("gc finishes the marks of a killed gc and leaves the marks of a running one alone", async () => {
    const [left, gone, current] = [
      await orphan(registry(), 0),
      await orphan(registry(), 0),
      await orphan(registry(), 0),
    ];
    await mark(registry(), left, MARK_STALE_AFTER_MS + 60_000);
    await mark(registry(), gone, MARK_STALE_AFTER_MS + 60_000);
    await registry().deps.blobs.remove(gone);
    await mark(registry(), current, 60_000);
    const looked = JSON.parse((await runOffline(registry(), "gc", "--dry-run", "--json")).stdout);
    expect(looked).toMatchObject({ finished: 2 });
    expect(await stateOf(registry(), left)).toMatchObject({ marked: true });
    const done = JSON.parse((await runOffline(registry(), "gc", "--grace", "0s", "--json")).stdout);
    expect(done).toMatchObject({ finished: 2, removed: { count: 1 } });
    expect([isStored(store(), left), isStored(store(), current)]).toEqual([false, true]);
    expect(await stateOf(registry(), left)).toMatchObject({ removals: 1, marked: false });
    expect(await stateOf(registry(), gone)).toMatchObject({ removals: 1, marked: false });
    expect(await stateOf(registry(), current)).toMatchObject({ removals: 0, marked: true });
  });

  test("of two gc at once, only one marks a blob, and neither removes the other's mark", async () => {
    const { db } = registry().deps;
    const digest = await orphan(registry(), DAY_MS);
    const [first, second] = [new Date(), new Date(Date.now() + 1_000)];
    const begin = (at: Date) => db.write((session) => beginRemovals(session, db.kind, [digest], at));
    expect([await begin(first), await begin(second)]).toEqual([[digest], []]);
    await db.write((session) => endRemovals(session, [digest], second, second));
    expect(await stateOf(registry(), digest)).toMatchObject({ removals: 0, marked: true });
    await db.write((session) => endRemovals(session, [digest], first, second));
    await db.write((session) => endRemovals(session, [digest], first, second));
    expect(await stateOf(registry(), digest)).toMatchObject({ removals: 1, marked: false });
  });

  test("a publish ignores the mark of a gc that was killed long ago, and is busy for a mark of a running gc", async () => {
    const alice = await newAccount(registry());
    const key = makeKey();
    const make = (version: string) => makePackage({ name: "marked", version });
    await mark(registry(), digestFrom(sha256(make("1.0.0"))), MARK_STALE_AFTER_MS + 60_000);
    expect((await alice.publish("marked", "1.0.0", make("1.0.0"), key)).status).toBe(201);
    await mark(registry(), digestFrom(sha256(make("2.0.0"))), 0);
    expect(await alice.publish("marked", "2.0.0", make("2.0.0"), key)).toMatchObject({
      status: 503,
      body: { code: "busy" },
    });
    // A version refers to the blob by now: its mark is removed, and the blob stays.
    await collectGarbage(registry().deps, { ...quiet, graceMs: 0 });
    expect(await stateOf(registry(), digestFrom(sha256(make("1.0.0"))))).toMatchObject({ removals: 0, marked: false });
    expect(isStored(store(), sha256(make("1.0.0")))).toBe(true);
  });

  test("a gc that was frozen after its mark removes nothing when it continues", async () => {
    const digest = await orphan(registry(), DAY_MS);
    const times = [new Date(), new Date(Date.now() + REMOVAL_MAX_MS + 1)];
    const clock = () => times.shift() ?? new Date(Date.now() + REMOVAL_MAX_MS + 2);
    const result = await removeUnreferenced({ ...registry().deps, clock }, [{ digest, size: 1 }]);
    expect(result).toMatchObject({ removed: [], unknown: [{ digest, reason: "too_late" }] });
    expect(isStored(store(), digest)).toBe(true);
    expect(await stateOf(registry(), digest)).toMatchObject({ marked: true });
  });

  test("a refused removal keeps its mark only if the removal may still happen", async () => {
    const [refused, unknown] = [await orphan(registry(), 2 * DAY_MS), await orphan(registry(), 2 * DAY_MS)];
    const remove = async (digest: Sha256Digest) => {
      if (digest === refused) throw Object.assign(new Error("no"), { code: "EACCES" });
      throw failure({ code: "storage_timeout" });
    };
    const blobs = overriding(registry().deps.blobs, { remove });
    const result = await collectGarbage({ ...registry().deps, blobs }, quiet);
    expect(result.failures.items).toContainEqual({ name: refused, reason: "EACCES" });
    expect(result.failures.items).toContainEqual({ name: unknown, reason: "storage_timeout" });
    expect(result).toMatchObject({ unknown: 1, removed: { count: 0 } });
    expect(await stateOf(registry(), refused)).toMatchObject({ removals: 1, marked: false });
    expect(await stateOf(registry(), unknown)).toMatchObject({ removals: 0, marked: true });
  });

  test("gc forgets finished removals after a week", async () => {
    const { db } = registry().deps;
    const { blobRemovals } = await db.read(async ({ tables }) => tables);
    const digests = [digestFrom("a".repeat(64)), digestFrom("b".repeat(64))];
    const changedAt = new Date(Date.now() - 8 * DAY_MS);
    await db.write(({ query }) =>
      query
        .insert(blobRemovals)
        .values(digests.map((digest) => ({ sha256: digest, removals: 1, removing: false, changedAt }))),
    );
    await db.write(({ query }) =>
      query
        .update(blobRemovals)
        .set({ changedAt: new Date() })
        .where(eq(blobRemovals.sha256, "b".repeat(64))),
    );
    await collectGarbage(registry().deps, quiet);
    const rows = await db.read(({ query }) => query.select({ sha256: blobRemovals.sha256 }).from(blobRemovals));
    expect(rows.map(({ sha256: digest }) => digest).filter((digest) => /^(a+|b+)$/.test(digest))).toEqual([
      "b".repeat(64),
    ]);
  });

  test("an archive whose publish was answered 201 is stored, while two gc run without pause", async () => {
    const { deps, kind } = registry();
    const publishers = await Promise.all([1, 2, 3, 4].map(() => newAccount(registry())));
    let running = true;
    const collect = async () => {
      let removed = 0;
      while (running) removed += (await collectGarbage(deps, { ...quiet, graceMs: 0 })).removed.count;
      return removed;
    };
    const collecting = [collect(), collect()];
    const key = makeKey();
    const answers = await Promise.all(
      publishers.map(async (publisher, n) => {
        const statuses: number[] = [];
        for (let round = 0; round < 12; round += 1) {
          const name = `contended-${n}-${round}`;
          const archive = makePackage({ name, version: "1.0.0" });
          // One of the two gc may remove the file before its time is changed.
          await plant(store(), archive, HOUR_MS).catch((cause) => expect(errorCode(cause)).toBe("ENOENT"));
          // The pause varies which comes first: a gc, the publish, or both at once.
          await Bun.sleep((round % 4) * 4);
          const { status } = await publisher.publish(name, "1.0.0", archive, key);
          statuses.push(status);
          if (status === 201) {
            const download = await publisher.get(`/api/packages/${name}/1.0.0/download`);
            expect([kind, name, download.status]).toEqual([kind, name, 200]);
          }
        }
        return statuses;
      }),
    );
    running = false;
    expect((await Promise.all(collecting)).reduce((sum, count) => sum + count)).toBeGreaterThan(0);
    expect(answers.flat().filter((status) => status !== 201 && status !== 503)).toEqual([]);
    expect(answers.flat().filter((status) => status === 201).length).toBeGreaterThan(12);
    const { problems } = await checkStore(deps, { repair: false, report: () => undefined });
    expect(problems.items).toEqual([]);
  });

  test("gc removes more orphans than one batch holds", async () => {
    for (let count = 0; count < 250; count += 1) await orphan(registry(), 2 * DAY_MS);
    const { removed } = await collectGarbage(registry().deps, quiet);
    expect(removed.count).toBe(250);
  });
});

test("gc with a database that no registry was started on removes nothing from the storage of one", () =>
  withPlaces([["sqlite", "files"]], async (place) => {
    expect((await place.run("migrate")).exitCode).toBe(0);
    expect((await place.run("gc")).exitCode).toBe(0);
    const digest = await plant(join(place.dataDir, "packages"), new Uint8Array([1]), 2 * DAY_MS);
    const { exitCode, stderr } = await place.run("gc");
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("no registry was ever started on the database")]);
    expect(isStored(join(place.dataDir, "packages"), digest)).toBe(true);
  }));

test("a blob is still stored if its removals did not change and no gc can hold its mark", () => {
  const now = new Date();
  const state = (removals: number, marked: boolean, ageMs: number) => ({
    removals,
    marked,
    changedAtMs: now.getTime() - ageMs,
  });
  const stale = MARK_STALE_AFTER_MS + 1;
  expect(isStillStored(state(0, false, 5), state(0, false, 5), now)).toBe(true);
  expect(isStillStored(state(1, false, 5), state(2, false, 5), now)).toBe(false);
  expect(isStillStored(state(1, false, 5), state(1, true, 1), now)).toBe(false);
  expect(isStillStored(state(1, true, 5), state(1, true, 5), now)).toBe(false);
  expect(isStillStored(state(1, true, stale), state(1, true, stale), now)).toBe(true);
  expect(isStillStored(state(1, true, stale), state(1, true, 1), now)).toBe(false);
});
