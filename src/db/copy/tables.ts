import { getTableColumns, is, type Table } from "drizzle-orm";
import { getTableConfig, PgTable } from "drizzle-orm/pg-core";
import * as postgresTables from "../postgres/schema.ts";

/** What a column holds. `terms` is the tsvector that only Postgres has. */
export type ValueKind = "text" | "number" | "boolean" | "json" | "instant" | "bytes" | "terms";

/**
 * A value on its way between databases, in the form in which SQLite stores it: booleans are 0 and 1,
 * instants are milliseconds since 1970, JSON is text.
 */
export type CopiedValue = string | number | Uint8Array | null;

/** A column by its name in SQL. */
export interface CopiedColumn {
  readonly name: string;
  readonly kind: ValueKind;
}

/** A table by its name in SQL. */
export interface CopiedTable {
  readonly name: string;
  readonly columns: readonly CopiedColumn[];
  /** True if the database gives out the ids of its rows. */
  readonly hasSequence: boolean;
}

/** The table whose rows have a text index beside them, which is different in each database. */
export const SEARCH_TABLE = "package_search";

const KINDS: Readonly<Record<string, ValueKind>> = {
  string: "text",
  number: "number",
  boolean: "boolean",
  json: "json",
  date: "instant",
};

function kindOf(dataType: string, sqlType: string): ValueKind {
  const kind = sqlType === "bytea" ? "bytes" : sqlType.startsWith("text") ? "text" : KINDS[dataType];
  if (kind === undefined) throw new Error(`Columns of type ${sqlType} cannot be copied between databases`);
  return kind;
}

function describe(table: PgTable): CopiedTable {
  const columns = Object.values(getTableColumns(table as Table));
  return {
    name: getTableConfig(table).name,
    columns: columns.map((column) => ({ name: column.name, kind: kindOf(column.dataType, column.getSQLType()) })),
    hasSequence: columns.some(({ generatedIdentity }) => generatedIdentity !== undefined),
  };
}

/** Sorts tables so that each comes after those that its foreign keys refer to. */
function inOrder(tables: readonly PgTable[]): PgTable[] {
  const sorted = new Set<PgTable>();
  const visit = (table: PgTable) => {
    if (sorted.has(table)) return;
    for (const key of getTableConfig(table).foreignKeys) {
      const { foreignTable } = key.reference();
      if (foreignTable !== table) visit(foreignTable);
    }
    sorted.add(table);
  };
  for (const table of tables) visit(table);
  return [...sorted];
}

const ALL: readonly PgTable[] = Object.values(postgresTables).filter((table) => is(table, PgTable));

/** Every table of the registry, each after those that it refers to. */
export const COPIED_TABLES: readonly CopiedTable[] = inOrder(ALL).map(describe);

/** Rows of these tables may be large, so fewer of them are in memory at a time. */
const LARGE_ROWS = new Set(["version_contents", "log_tiles"]);
const BATCH_ROWS = 1_000;
const LARGE_BATCH_ROWS = 100;

/** Returns how many rows of a table are read and written at a time. */
export function batchRowsOf({ name }: CopiedTable): number {
  return LARGE_ROWS.has(name) ? LARGE_BATCH_ROWS : BATCH_ROWS;
}
