import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GroupCommit } from "../../src/db/sqlite/group-commit.ts";

let directory: string;
let writer: Database;
let other: Database;
let commits: GroupCommit;
let groups: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cpm-group-commit-"));
  writer = new Database(join(directory, "a.db"), { create: true });
  writer.run("PRAGMA journal_mode = WAL");
  writer.run("PRAGMA foreign_keys = ON");
  writer.run("CREATE TABLE parents (id INTEGER PRIMARY KEY)");
  writer.run("CREATE TABLE rows (id INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)");
  writer.run("CREATE TABLE plain (id INTEGER)");
  other = new Database(join(directory, "a.db"));
  groups = 0;
  const beforeCommit = () => {
    groups += 1;
  };
  commits = new GroupCommit(writer, { beforeCommit, afterCommit: () => undefined, afterGroup: () => undefined });
});

afterEach(() => {
  other.close();
  writer.close();
  rmSync(directory, { recursive: true });
});

const put = (id: number) => writer.run("INSERT INTO plain VALUES (?)", [id]);
const committed = () =>
  other
    .query<{ id: number }, []>("SELECT id FROM plain ORDER BY id")
    .all()
    .map(({ id }) => id);

test("writes that wait share one commit in their order, and resolve once others can read it", async () => {
  const seen = await Promise.all(
    [1, 2, 3].map((id) =>
      commits
        .write(async () => {
          put(id);
          expect(committed()).toEqual([]);
        })
        .then(committed),
    ),
  );
  expect(seen).toEqual([
    [1, 2, 3],
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(groups).toBe(1);
});

test("a write that throws leaves nothing behind and does not harm the others of its group", async () => {
  const ended = await Promise.allSettled([
    commits.write(async () => put(1)),
    commits.write(async () => {
      put(2);
      throw new Error("refused");
    }),
    commits.write(async () => put(3)),
  ]);
  expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(committed()).toEqual([1, 3]);
});

test("a group in which every write throws commits nothing", async () => {
  const refused = commits.write(async () => {
    put(1);
    throw new Error("refused");
  });
  expect(refused).rejects.toThrow("refused");
  await commits.settled();
  expect([committed(), groups]).toEqual([[], 0]);
});

test("a commit that fails rejects its whole group, refusals included, and the next group goes on", async () => {
  const ended = await Promise.allSettled([
    commits.write(async () => put(1)),
    commits.write(async () => Promise.reject(new Error("refused"))),
    commits.write(async () => writer.run("INSERT INTO rows VALUES (7)")),
  ]);
  expect(ended.map((end) => (end.status === "rejected" ? end.reason.code : "kept"))).toEqual([
    "SQLITE_CONSTRAINT_FOREIGNKEY",
    "SQLITE_CONSTRAINT_FOREIGNKEY",
    "SQLITE_CONSTRAINT_FOREIGNKEY",
  ]);
  await commits.write(async () => put(4));
  expect(committed()).toEqual([4]);
});

test("an error that ends the transaction, such as a full disk, rejects the group, and no write runs outside a transaction", async () => {
  let isLastRun = false;
  const ended = await Promise.allSettled([
    commits.write(async () => put(1)),
    commits.write(async () => {
      writer.run("ROLLBACK");
      throw new Error("full");
    }),
    commits.write(async () => {
      isLastRun = true;
    }),
  ]);
  expect(ended.map((end) => (end.status === "rejected" ? end.reason.message : "kept"))).toEqual([
    "full",
    "full",
    "full",
  ]);
  expect([committed(), isLastRun]).toEqual([[], false]);
});

test("a write that comes while a group is written joins the next group", async () => {
  const later: Promise<unknown>[] = [];
  await commits.write(async () => {
    put(1);
    later.push(commits.write(async () => expect(committed()).toEqual([1])));
  });
  await Promise.all(later);
  expect(groups).toBe(2);
});

test("a transaction that could not be rolled back is rolled back before the next begins", async () => {
  writer.run("BEGIN");
  put(1);
  await commits.write(async () => put(2));
  expect(committed()).toEqual([2]);
});

test("a write is refused as busy when a thousand already wait", async () => {
  const begins = Promise.withResolvers<void>();
  const hasBegun = Promise.withResolvers<void>();
  const first = commits.write(() => {
    hasBegun.resolve();
    return begins.promise;
  });
  await hasBegun.promise;
  const waiting = Array.from({ length: 1_000 }, (_, n) => commits.write(async () => put(n)));
  const refused = await commits.write(async () => put(1_000)).catch((cause) => cause.error?.code);
  begins.resolve();
  await Promise.all([first, ...waiting]);
  expect([refused, committed().length]).toEqual(["busy", 1_000]);
});
