import { Database as BunDatabase } from "bun:sqlite";
import { getTableColumns, getTableName, is, Table } from "drizzle-orm";
import type { DatabaseConfig } from "../config/config.ts";
import { errorCode } from "../errors.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import * as sqliteTables from "./sqlite/schema.ts";

const PROBLEMS_MAX = 100;

/** What a database itself finds wrong with what it has stored. */
export interface Integrity {
  /** One sentence for each problem. Empty if everything could be read and is consistent. */
  readonly problems: readonly string[];
  /** What was not checked, and why. */
  readonly unchecked?: string;
}

/**
 * Lets the database check itself: every page, every row, and every index against its table. A
 * server may use the database meanwhile. Throws if the database cannot be reached.
 */
export async function checkIntegrity(config: DatabaseConfig): Promise<Integrity> {
  if (config.kind === "sqlite") return { problems: sqliteProblems(config.path) };
  const { checkPostgres } = await import("./postgres/integrity.ts");
  return checkPostgres(config.connection);
}

function sqliteProblems(path: string): string[] {
  const client = new BunDatabase(path, { readwrite: true });
  try {
    client.run("PRAGMA query_only = ON");
    const found = client.query<{ integrity_check: string }, []>(`PRAGMA integrity_check(${PROBLEMS_MAX})`).all();
    const problems = found.map((row) => row.integrity_check).filter((text) => text !== "ok");
    if (problems.length > 0) return problems;
    const broken = client.query<{ table: string; rowid: number; parent: string }, []>("PRAGMA foreign_key_check").all();
    return [
      ...broken.map(({ table, rowid, parent }) => `row ${rowid} of ${table} refers to a missing row of ${parent}`),
      ...malformedJson(client),
    ].slice(0, PROBLEMS_MAX);
  } catch (cause) {
    const code = errorCode(cause);
    if (code === undefined || faultCode(code)?.kind !== "damaged") throw cause;
    return [`${faultCode(code)?.reason} (${code})`];
  } finally {
    client.close();
  }
}

/**
 * Damage inside of a value does not disturb SQLite. JSON is what readers would stumble over. A
 * database of an older version lacks some columns.
 */
function malformedJson(client: BunDatabase): string[] {
  const tables: Table[] = Object.values(sqliteTables).filter((table) => is(table, Table));
  const columns = tables.flatMap((table) => {
    const known = client.query<{ name: string }, [string]>("SELECT name FROM pragma_table_info(?)");
    const present = new Set(known.all(getTableName(table)).map(({ name }) => name));
    return Object.values(getTableColumns(table))
      .filter(({ dataType, name }) => dataType === "json" && present.has(name))
      .map(({ name }) => ({ table: getTableName(table), name }));
  });
  return columns.flatMap(({ table, name }) => {
    const isMalformed = `"${name}" IS NOT NULL AND NOT json_valid("${name}")`;
    const text = `SELECT rowid AS number FROM "${table}" WHERE ${isMalformed} LIMIT ${PROBLEMS_MAX}`;
    const rows = client.query<{ number: number }, []>(text).all();
    return rows.map(({ number }) => `${name} of row ${number} of ${table} is not JSON`);
  });
}
