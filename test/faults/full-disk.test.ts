import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SpillFile } from "../../src/http/spill-file.ts";
import { makePackage } from "../support/archive-maker.ts";
import { type Answer, expectProblem, sha256 } from "../support/client.ts";
import { readSettledBlobs } from "./blobs.ts";
import { Chance } from "./chance.ts";
import { check } from "./checker.ts";
import { guestOf, makePublishers, type Publisher } from "./driver.ts";
import { Journal } from "./journal.ts";
import { mountTmpfs, reasonAgainstTmpfs } from "./mounts.ts";
import { readRows } from "./rows.ts";
import { prepareServer, type ServerProcess } from "./server.ts";

/*
 * A full disk refuses what needs room, keeps what it has, and accepts writes again once there is
 * room.
 */

const KIB = 1_024;
const MIB = 1_024 * KIB;
/** More publishes than fit on any of these disks. */
const TRIES_MAX = 400;

const reason = reasonAgainstTmpfs();
if (reason !== undefined) console.warn(`Skipped: no small file system can be made here, ${reason}`);

/** What is on the small disk. Everything else is on the machine's own disk. */
type OnSmallDisk = "archives" | "database";

interface Place {
  readonly server: ServerProcess;
  readonly journals: string;
  /** A file on the small disk. Deleting it makes room. */
  readonly filler: string;
  readonly freeBytes: () => number;
}

async function onSmallDisk(what: OnSmallDisk, play: (place: Place) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "cpm-faults-"));
  const disk = mountTmpfs(10 * MIB);
  let server: ServerProcess | undefined;
  try {
    const dataDir = join(what === "database" ? disk.path : home, "data");
    const archives = join(what === "archives" ? disk.path : home, "archives");
    const [journals, filler] = [join(home, "journals"), join(disk.path, "filler")];
    for (const directory of [dataDir, archives, journals]) mkdirSync(directory);
    symlinkSync(archives, join(dataDir, "packages"));
    writeFileSync(filler, new Uint8Array(4 * MIB));
    const freeBytes = () => {
      const { bavail, bsize } = statfsSync(disk.path);
      return bavail * bsize;
    };
    server = await prepareServer(dataDir);
    await server.start();
    await play({ server, journals, filler, freeBytes });
  } finally {
    await server?.remove();
    disk.remove();
    rmSync(home, { recursive: true, force: true });
  }
}

/**
 * A package that needs about `bytes` in the store and in the database: the database keeps its
 * README, which compresses little.
 */
function bulky(version: string, what: OnSmallDisk, bytes: number): Uint8Array {
  const noise = new Chance(Bun.hash.crc32(version)).bytes(bytes);
  const files = what === "archives" ? { "noise.bin": noise } : { "README.md": Buffer.from(noise).toString("base64") };
  return makePackage({ name: "bulky", version, files });
}

/** Publishes one version of the package and notes it in its own journal. */
async function publishNoted({ journals }: Place, publisher: Publisher, version: string, archive: Uint8Array) {
  const journal = await Journal.open(journals, crypto.randomUUID());
  try {
    const intent = { name: "bulky", version, variant: 0, publisher: 0, sha256: sha256(archive) };
    const attempt = await journal.intend(intent);
    const answer = await publisher.client.publish("bulky", version, archive, publisher.key);
    await journal.note(attempt, answer.status, answer.text);
    return answer;
  } finally {
    await journal.close();
  }
}

/**
 * Publishes new versions until one is refused. Returns that answer, and how many versions were
 * stored.
 */
async function fill(place: Place, what: OnSmallDisk, publisher: Publisher, bytes: number, patch = 0) {
  for (let n = 0; n < TRIES_MAX; n += 1) {
    const version = `1.${bytes}.${patch + n}`;
    const archive = bulky(version, what, bytes);
    const answer = await publishNoted(place, publisher, version, archive);
    if (answer.status !== 201) return { answer, version, archive, stored: n };
  }
  throw new Error("The disk never got full");
}

/** Checks what works without room: reading, downloading, and health. */
async function expectService({ server }: Place, what: OnSmallDisk): Promise<void> {
  const guest = guestOf(server.url);
  const answers: Answer[] = [];
  for (const path of [
    "",
    "?search=bulky",
    "/bulky",
    "/bulky/latest",
    "/bulky/latest/download",
    "/bulky/latest/readme",
  ]) {
    answers.push(await guest.get(`/api/packages${path}`));
  }
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  expect((await guest.get("/health/live")).status).toBe(200);
  // A database or a store without room cannot do what it is for.
  const { status, body } = await guest.get("/health");
  const checks = { archives: { database: "ok", storage: "failing" }, database: { database: "failing", storage: "ok" } };
  expect([status, body.checks]).toEqual([503, checks[what]]);
}

for (const what of ["archives", "database"] as const) {
  describe(`when the disk of the ${what} is full`, () => {
    test.skipIf(reason !== undefined)("publishing answers 507, reading goes on, and it works again with room", () =>
      onSmallDisk(what, async (place) => {
        const { server, journals, filler, freeBytes } = place;
        const [publisher] = await makePublishers(server.url, 1);
        if (publisher === undefined) throw new Error("Nobody can publish");
        // Large versions until they do not fit, then small ones: a version that still fits must be
        // stored whole, too.
        for (const bytes of [150 * KIB, 20 * KIB, 4 * KIB]) {
          const { answer } = await fill(place, what, publisher, bytes);
          expectProblem(answer, 507, "storage_full");
        }
        const before = { rows: (await readRows(server)).versions.length, free: freeBytes() };
        const last = await fill(place, what, publisher, 150 * KIB, 1_000);
        expectProblem(last.answer, 507, "storage_full");
        expect(last.stored).toBe(0);
        expect((await readRows(server)).versions.length).toBe(before.rows);
        expect((await readSettledBlobs(server.dataDir)).incoming).toEqual([]);
        if (what === "archives") expect(freeBytes()).toBeGreaterThanOrEqual(before.free);
        await expectService(place, what);
        expect((await check({ server, journals, collecting: false })).faults).toEqual([]);

        rmSync(filler);
        const again = await publishNoted(place, publisher, last.version, last.archive);
        expect([again.status, again.body?.sha256]).toEqual([201, sha256(last.archive)]);
        expect((await guestOf(server.url).get("/health")).status).toBe(200);
        // A publish that the full database refused may have left an orphaned blob. A full store
        // leaves none.
        expect((await check({ server, journals, spotless: what === "archives" })).faults).toEqual([]);
      }),
    );
  });
}

/**
 * Runs `work` with a spill file on a disk of one mebibyte. `isEmpty` reports whether the disk has
 * all its space.
 */
function withSpillFile(maxBytes: number | undefined, work: (file: SpillFile, isEmpty: () => boolean) => void): void {
  const disk = mountTmpfs(MIB);
  const free = () => statfsSync(disk.path).bfree;
  const before = free();
  const file = new SpillFile(join(disk.path, "spill"), maxBytes);
  try {
    work(file, () => free() === before);
  } finally {
    file.close();
    disk.remove();
  }
}

test.skipIf(reason !== undefined)("a spill file that fills the disk frees its space", () =>
  withSpillFile(undefined, (file, isEmpty) => {
    const places = Array.from({ length: 20 }, () => file.write(new Uint8Array(100 * KIB)));
    expect(places[0]).toBe(0);
    expect(places.at(-1)).toBeUndefined();
    expect(isEmpty()).toBe(true);
    expect(file.read(0, 100 * KIB)).toBeUndefined();
  }),
);

test.skipIf(reason !== undefined)("a spill file that has wrapped around frees its space when released", () =>
  withSpillFile(300 * KIB, (file, isEmpty) => {
    for (let count = 0; count < 10; count += 1) expect(file.write(new Uint8Array(100 * KIB))).toBe(count * 100 * KIB);
    expect(file.read(900 * KIB, 100 * KIB)).toHaveLength(100 * KIB);
    file.release();
    expect(isEmpty()).toBe(true);
    expect([file.read(900 * KIB, 100 * KIB), file.write(new Uint8Array(KIB))]).toEqual([undefined, undefined]);
  }),
);
