import { Database as BunDatabase, type Statement } from "bun:sqlite";
import { rmSync } from "node:fs";
import { migrate } from "../migrate.ts";
import type { RowTarget } from "./source.ts";
import { COPIED_TABLES } from "./tables.ts";

/** Indexes are written all over the file. */
const CACHE_KIB = 65_536;

/**
 * Writes a new SQLite file, which must not exist, with what `work` writes. The file is whole when
 * this returns, but not synced. If `work` fails, no file is left.
 */
export async function writeSqlite<T>(path: string, work: (target: RowTarget) => Promise<T>): Promise<T> {
  try {
    await migrate({ kind: "sqlite", path });
    const client = new BunDatabase(path, { readwrite: true });
    try {
      return await writeAll(client, work);
    } finally {
      client.close();
    }
  } catch (cause) {
    for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(`${path}${suffix}`, { force: true });
    throw cause;
  }
}

async function writeAll<T>(client: BunDatabase, work: (target: RowTarget) => Promise<T>): Promise<T> {
  // Nobody knows the file before it is whole, so nothing has to survive a crash until then.
  // WAL mode can only be left for a rollback journal.
  const pragmas = ["journal_mode = DELETE", "journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"];
  for (const pragma of [...pragmas, `cache_size = -${CACHE_KIB}`]) client.run(`PRAGMA ${pragma}`);
  client.run("BEGIN");
  // What the migrations put into an empty database.
  for (const { name } of COPIED_TABLES) client.run(`DELETE FROM "${name}"`);
  const done = await work(targetOver(client));
  client.run("COMMIT");
  // Without a file for the WAL beside it. A server switches to WAL when it opens the file.
  client.run("PRAGMA journal_mode = DELETE");
  return done;
}

function targetOver(client: BunDatabase): RowTarget {
  const inserts = new Map<string, Statement>();
  return {
    kind: "sqlite",
    write: async ({ name, columns }, rows) => {
      const names = columns.map((column) => `"${column.name}"`).join();
      const insert =
        inserts.get(name) ??
        client.prepare(`INSERT INTO "${name}" (${names}) VALUES (${columns.map(() => "?").join()})`);
      inserts.set(name, insert);
      for (const row of rows) insert.run(...row);
    },
    setLastIds: async (ids) => {
      for (const { name } of COPIED_TABLES.filter(({ hasSequence }) => hasSequence)) {
        client.prepare("DELETE FROM sqlite_sequence WHERE name = ?").run(name);
        client.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)").run(name, ids.get(name) ?? 0);
      }
    },
  };
}
