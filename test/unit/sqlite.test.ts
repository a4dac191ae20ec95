import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqlite } from "../../src/db/sqlite/database.ts";
import { waitUntil } from "../support/wait-until.ts";

const directory = mkdtempSync(join(tmpdir(), "cpm-sqlite-"));
const db = openSqlite(join(directory, "test.db"));
afterAll(async () => {
  await db.close();
  rmSync(directory, { recursive: true, force: true });
});

test("a question mark in a literal or a name is not taken for a parameter, and parameters keep their types", async () => {
  const text = `SELECT '?', 'it''s ?', "?", typeof(?), typeof(?), typeof(?), ? FROM (SELECT 1 AS "?")`;
  const params = ["1", 1, new Uint8Array([1]), "?"];
  expect(await db.read((session) => session.values(text, params))).toEqual([
    ["?", "it's ?", 1, "text", "integer", "blob", "?"],
  ]);
});

test("a text parameter compares with a column as it does without the plus sign", async () => {
  db.client.run("CREATE TABLE numbered (n INTEGER, t TEXT)");
  db.client.run("INSERT INTO numbered VALUES (7, '7')");
  const found = await db.read((session) =>
    session.values("SELECT n = ?, t = ? FROM numbered a JOIN (SELECT 1) b", ["7", 7]),
  );
  expect(found).toEqual([[1, 1]]);
});

test("a savepoint with many changes opens no temporary file", async () => {
  db.client.run("CREATE TABLE filled (t TEXT)");
  const openFiles = () => readdirSync("/proc/self/fd").flatMap((fd) => targetOf(fd) ?? []);
  await db.write(async (session) => {
    for (let n = 0; n < 200; n += 1) await session.values("INSERT INTO filled VALUES (?)", ["x".repeat(4_000)]);
  });
  const before = openFiles();
  const during = await db.write(async (session) => {
    await session.values("UPDATE filled SET t = t || ?", ["y"]);
    return openFiles();
  });
  expect(during.filter((file) => !before.includes(file) && file.includes("(deleted)"))).toEqual([]);
});

/**
 * The target of an open file; undefined for the descriptor that lists them, which is closed by now.
 */
function targetOf(fd: string): string | undefined {
  try {
    return readlinkSync(join("/proc/self/fd", fd));
  } catch {
    return undefined;
  }
}

test("a freshness check that fails makes caches stale until one succeeds, and does not end the process", async () => {
  const watched = openSqlite(join(directory, "watched.db"));
  const other = openSqlite(join(directory, "watched.db"));
  watched.client.run("CREATE TABLE package_changes (id INTEGER PRIMARY KEY AUTOINCREMENT, names TEXT NOT NULL)");
  watched.watch();
  const isKnown = () => watched.invalidations.isFresh;
  try {
    expect(isKnown()).toBe(true);
    other.client.run("INSERT INTO package_changes (names) VALUES ('no list')");
    await waitUntil(() => !isKnown(), "the error is noticed");
    other.client.run("DELETE FROM package_changes");
    await waitUntil(isKnown, "the error is over");
    expect(isKnown()).toBe(true);
  } finally {
    await watched.close();
    await other.close();
  }
});
