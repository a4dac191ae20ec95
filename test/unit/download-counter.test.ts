import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { openSqlite } from "../../src/db/sqlite/database.ts";
import { createDownloadCounter } from "../../src/packages/download-counter.ts";
import { createLogger } from "../../src/runtime/logger.ts";

/*
 * Each flush has another number of versions. With another text for each number, every flush would
 * leave a prepared statement behind.
 */
test("flushes of any number of versions run the same statements", async () => {
  const directory = mkdtempSync(join(tmpdir(), "cpm-download-counter-"));
  const path = join(directory, "registry.db");
  await migrate({ kind: "sqlite", path });
  const db = openSqlite(path);
  const counter = createDownloadCounter(
    db,
    createLogger("silent", () => new Date()),
    () => new Date(),
  );
  const texts = new Set<string>();
  const prepare = db.client.prepare;
  db.client.prepare = ((text: string) => {
    texts.add(text);
    return prepare(text);
  }) as typeof prepare;
  try {
    const flushed: number[] = [];
    for (const versions of [1, 2, 30, 499]) {
      for (let id = 1; id <= versions; id += 1) counter.count({ name: `p${id}`, packageId: id, versionId: id }, null);
      await counter.flush();
      flushed.push(texts.size);
    }
    expect(flushed[0]).toBeGreaterThan(2);
    expect(new Set(flushed).size).toBe(1);
  } finally {
    await counter.close();
    await db.close();
    rmSync(directory, { recursive: true });
  }
});

/** A counter over a database that refuses so many writes, and what it logged. */
function refusing(times: number) {
  let left = times;
  const write = async () => {
    if (left-- > 0) throw new Error("locked");
  };
  const logged: unknown[] = [];
  const note = (event: string, fields?: object) => void logged.push([event, fields]);
  const logger = { ...createLogger("silent", () => new Date()), warn: () => undefined, error: note };
  return {
    counter: createDownloadCounter({ kind: "sqlite", write } as object as Database, logger, () => new Date()),
    logged,
  };
}

test("the last flush is tried again while somebody else holds the database", async () => {
  const { counter, logged } = refusing(2);
  counter.count({ name: "p", packageId: 1, versionId: 1 }, null);
  await counter.close();
  expect(logged).toEqual([]);
});

test("downloads that the database never took are reported when the process ends", async () => {
  const { counter, logged } = refusing(Number.POSITIVE_INFINITY);
  for (const versionId of [1, 3, 2]) counter.count({ name: "p", packageId: 1, versionId }, null);
  await counter.close();
  expect(logged).toEqual([["downloads_lost", { downloads: 3 }]]);
});
