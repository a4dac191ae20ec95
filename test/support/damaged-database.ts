import { Database } from "bun:sqlite";
import { closeSync, mkdtempSync, openSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SQLITE_PAGE_BYTES = 4_096;

/** Overwrites one page of a file with bytes that are no page of any database. */
export function damagePage(path: string, page: number, pageBytes: number): void {
  const file = openSync(path, "r+");
  writeSync(file, new Uint8Array(pageBytes).fill(0x5a), 0, pageBytes, page * pageBytes);
  closeSync(file);
}

/** Returns the tables and indexes of a SQLite database, with their first pages, counted from 1. */
export function sqliteObjects(path: string): { readonly name: string; readonly rootpage: number }[] {
  const client = new Database(path);
  const found = client
    .query<{ name: string; rootpage: number }, []>("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0")
    .all();
  client.close();
  return found;
}

/**
 * Copies the SQLite database of a data directory into a new one, and overwrites the first page of a
 * table or an index in it.
 */
export function damagedCopy(dataDir: string, name: string): string {
  const directory = mkdtempSync(join(tmpdir(), "cpm-damaged-"));
  const path = join(directory, "registry.db");
  const original = new Database(join(dataDir, "registry.db"));
  original.run(`VACUUM INTO '${path}'`);
  original.close();
  const { rootpage = 0 } = sqliteObjects(path).find((object) => object.name === name) ?? {};
  damagePage(path, rootpage - 1, SQLITE_PAGE_BYTES);
  return directory;
}
