import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { acceptRollback } from "../../src/log/accept-rollback.ts";
import { readState } from "../../src/log/log-rows.ts";
import { CHECKPOINT_COPY } from "../../src/log/rollback-guard.ts";
import { tilesBetween } from "../../src/log/static-tiles.ts";
import { WitnessClient } from "../../src/log/witness-client.ts";
import { TILE_WIDTH, tilePath, tilesOfTree } from "../../src/tlog/tile.ts";
import { blocksOf, readDocument } from "../docs/documents.ts";
import { startFakeS3 } from "../support/fake-s3.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { waitUntil } from "../support/wait-until.ts";

/** Reads a file that the storage holds beside the archives, without the registry. */
type ReadStored = (name: string) => Buffer | undefined;

async function append({ deps }: TestRegistry, count: number): Promise<void> {
  const { size } = await deps.db.read(readState);
  const leaves = Array.from({ length: count }, (_, at) => `leaf ${size + at}\n`);
  await deps.db.write((session) => deps.log.append(session, leaves));
}

/** Waits until the stored checkpoint is the served one. It is written after its tiles. */
async function announced({ deps }: TestRegistry, stored: ReadStored): Promise<number> {
  const { checkpoint, size } = await deps.db.read(readState);
  await waitUntil(() => stored(CHECKPOINT_COPY)?.toString() === checkpoint, "the checkpoint is stored", 20_000);
  return size;
}

/** Compares every tile and bundle of the tree with what the registry serves. */
async function expectServedTiles({ url }: TestRegistry, size: number, stored: ReadStored): Promise<void> {
  const tiles = tilesOfTree(size).flatMap((tile) =>
    tile.level === 0 ? [tile, { ...tile, level: "entries" as const }] : [tile],
  );
  for (const path of tiles.map(tilePath)) {
    const served = Buffer.from(await (await fetch(`${url}/log/${path}`)).bytes());
    expect([path, stored(`log/${path}`)?.equals(served)]).toEqual([path, true]);
  }
}

/** Runs the commands of docs/operations.md that copy the log for a file server. */
async function copyAsDocumented({ dataDir, deps }: TestRegistry, stored: ReadStored): Promise<void> {
  const block = blocksOf(readDocument("docs/operations.md")).find(
    ({ heading, language }) => heading === "Serve the log from a file server" && language === "shell",
  );
  const script = (block?.text ?? "exit 1").replaceAll("App_Data", dataDir);
  const { exitCode } = Bun.spawnSync(["sh", "-eu", "-c", script], { cwd: dataDir });
  expect(exitCode).toBe(0);
  const served = join(dataDir, "served");
  const { checkpoint, size } = await deps.db.read(readState);
  expect(readFileSync(join(served, "checkpoint"), "utf8")).toBe(checkpoint);
  for (const path of tilesOfTree(size).map(tilePath)) {
    expect([path, stored(`log/${path}`)?.equals(readFileSync(join(served, path)))]).toEqual([path, true]);
    expect(statSync(join(served, path)).mode & 0o004).toBe(0o004);
  }
  rmSync(served, { recursive: true });
}

const STEPS = [1, 40, 214, 1, 300, 130];

async function growAndCompare(registry: TestRegistry, stored: ReadStored): Promise<void> {
  for (const step of STEPS) {
    await append(registry, step);
    await expectServedTiles(registry, await announced(registry, stored), stored);
  }
}

const fileReader =
  (dataDir: string): ReadStored =>
  (name) =>
    existsSync(join(dataDir, name)) ? readFileSync(join(dataDir, name)) : undefined;

describe("the log's tiles beside the archives", () => {
  test("the files of the data directory are byte for byte what the registry serves, without outdated partial tiles", async () => {
    const registry = await startRegistry("sqlite");
    try {
      const stored = fileReader(registry.dataDir);
      await growAndCompare(registry, stored);
      await copyAsDocumented(registry, stored);
      const files = readdirSync(join(registry.dataDir, "log"), { recursive: true }).map(String);
      await waitUntil(() => !existsSync(join(registry.dataDir, "log/tile/0/000.p")), "partial tiles are removed");
      expect(files.filter((name) => name.startsWith("note-"))).toEqual([]);
      expect(existsSync(join(registry.dataDir, "packages/log"))).toBe(false);
    } finally {
      await registry.stop();
    }
  }, 60_000);

  test("the objects of a bucket are byte for byte what the registry serves", async () => {
    const fake = await startFakeS3();
    const registry = await startRegistry("sqlite", { env: fake.settings() });
    try {
      await growAndCompare(registry, (name) => {
        const found = fake.objects.get(name)?.bytes;
        return found && Buffer.from(found);
      });
      await waitUntil(
        () => ![...fake.objects.keys()].some((name) => name.startsWith("log/tile/0/000.p/")),
        "partial tiles are removed",
      );
    } finally {
      await registry.stop();
      await fake.stop();
    }
  }, 60_000);

  test.each(["files", "S3"])(
    "after an accepted rollback only tiles of the shorter log are left (%s)",
    async (kind) => {
      const fake = kind === "S3" ? await startFakeS3() : undefined;
      const registry = await startRegistry("sqlite", fake === undefined ? {} : { env: fake.settings() });
      try {
        const { db, blobs, logger } = registry.deps;
        const stored: ReadStored = (name) => {
          const object = fake?.objects.get(name)?.bytes;
          return fake === undefined ? fileReader(registry.dataDir)(name) : object && Buffer.from(object);
        };
        const names = () => {
          if (fake !== undefined) return [...fake.objects.keys()].filter((name) => name.startsWith("log/tile/"));
          const entries = readdirSync(join(registry.dataDir, "log/tile"), { recursive: true, withFileTypes: true });
          const files = entries.filter((entry) => entry.isFile());
          return files.map((entry) => join(entry.parentPath, entry.name).slice(registry.dataDir.length + 1));
        };
        await append(registry, 260);
        await announced(registry, stored);
        const older = await db.read(readState);
        for (const more of [100, 200]) {
          await append(registry, more);
          await announced(registry, stored);
        }
        await db.write(async ({ query, tables: { logState } }) => void (await query.update(logState).set(older)));
        const witnesses = new WitnessClient({ db, logger }, []);
        expect(await acceptRollback({ db, blobs, witnesses }, true)).toMatchObject({ foundSize: 260 });
        const tiles = [...tilesBetween(0, 260)].map((tile) => `log/${tilePath(tile)}`);
        expect(names().toSorted()).toEqual(tiles.toSorted());
        expect(stored(CHECKPOINT_COPY)?.toString()).toBe(older.checkpoint);
        await expectServedTiles(registry, 260, stored);
      } finally {
        await registry.stop();
        await fake?.stop();
      }
    },
    60_000,
  );

  test("a tree grows by exactly the tiles that the smaller one lacks", () => {
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [5, 5],
      [255, 256],
      [256, 256],
      [1, 65_536],
      [65_535, 66_000],
    ] as const) {
      const had = new Set(tilesOfTree(from).map(tilePath));
      const expected = tilesOfTree(to)
        .map(tilePath)
        .filter((path) => !had.has(path));
      const found = [...tilesBetween(from, to)].filter(({ level }) => level !== "entries").map(tilePath);
      expect(found).toEqual(expected);
      expect([...tilesBetween(from, to)].every(({ width }) => width > 0 && width <= TILE_WIDTH)).toBe(true);
    }
  });
});
