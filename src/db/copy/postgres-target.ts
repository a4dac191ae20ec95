import postgres from "postgres";
import type { PostgresConnection } from "../../config/connection.ts";
import { OperatorError } from "../../runtime/operator-error.ts";
import { migrate } from "../migrate.ts";
import { clientOptions } from "../postgres/client-options.ts";
import type { CopiedRows, RowTarget } from "./source.ts";
import { COPIED_TABLES, type CopiedColumn, type CopiedValue, type ValueKind } from "./tables.ts";

/** How much text one statement may carry. */
const STATEMENT_MAX_CHARS = 8 * 1_048_576;

const ARRAYS: Readonly<Record<ValueKind, string>> = {
  text: "text[]",
  number: "bigint[]",
  boolean: "boolean[]",
  json: "json[]",
  instant: "timestamptz[]",
  bytes: "bytea[]",
  terms: "tsvector[]",
};

/** Tables that have rows only after the first start of a registry. */
const FILLED_BY_USE = ["log_state", "users", "packages", "events"];

/** Formats a value as an element of the text of an array. */
function elementOf(value: CopiedValue, kind: ValueKind): string {
  if (value === null) return "NULL";
  if (kind === "boolean") return value === 1 ? "t" : "f";
  if (kind === "instant") return `"${new Date(Number(value)).toISOString()}"`;
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return `"\\\\x${Buffer.from(value).toString("hex")}"`;
  return `"${value.replaceAll(/[\\"]/g, "\\$&")}"`;
}

/** Returns one text of an array for each column, of as many rows as one statement may carry. */
function* statementsOf(columns: readonly CopiedColumn[], rows: CopiedRows): Generator<string[]> {
  let elements: string[][] = columns.map(() => []);
  let chars = 0;
  for (const row of rows) {
    for (const [at, { kind }] of columns.entries()) {
      const element = elementOf(row[at] ?? null, kind);
      elements[at]?.push(element);
      chars += element.length;
    }
    if (chars < STATEMENT_MAX_CHARS) continue;
    yield elements.map((column) => `{${column.join()}}`);
    elements = columns.map(() => []);
    chars = 0;
  }
  if (elements.some((column) => column.length > 0)) yield elements.map((column) => `{${column.join()}}`);
}

/**
 * Migrates a Postgres and fills it with what `work` writes, in one transaction: after a failure it
 * has tables without rows. Throws `OperatorError` if a registry has used it.
 */
export async function writePostgres<T>(
  connection: PostgresConnection,
  work: (target: RowTarget) => Promise<T>,
): Promise<T> {
  await requireUnused(connection);
  await migrate({ kind: "postgres", connection });
  const client = postgres({ ...clientOptions(connection), max: 1 });
  try {
    const running = client.begin(async (sql) => {
      // A server that starts meanwhile waits, and finds the rows.
      await sql.unsafe(`LOCK TABLE ${COPIED_TABLES.map(({ name }) => `"${name}"`).join()} IN ACCESS EXCLUSIVE MODE`);
      await requireNoRows(sql);
      // What the migrations put into an empty database.
      for (const { name } of COPIED_TABLES.toReversed()) await sql.unsafe(`DELETE FROM "${name}"`);
      const restore = await takeOffIndexes(sql);
      const written = await work(targetOver(sql));
      await restore();
      return written;
    });
    const done = (await running) as T;
    await client.unsafe("ANALYZE");
    return done;
  } finally {
    await client.end({ timeout: 2 }).catch(() => undefined);
  }
}

/** How much memory the making of one index may take. */
const INDEX_MEMORY = "256MB";

/** Indexes that no constraint needs, and foreign keys, each with the statement that makes it. */
const REMADE = `
  SELECT format('DROP INDEX %I', indexname) AS drop, indexdef AS make FROM pg_indexes
  WHERE schemaname = current_schema() AND tablename = ANY ($1) AND indexname NOT IN (SELECT conname FROM pg_constraint)
  UNION ALL
  SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::text[]::regclass[])`;

/**
 * Drops indexes and foreign keys of the locked tables, and returns what makes them again. Making each
 * of them once takes far less time than keeping it with every row. It is part of the transaction.
 */
async function takeOffIndexes(sql: postgres.TransactionSql): Promise<() => Promise<void>> {
  const names = COPIED_TABLES.map(({ name }) => name);
  const found = await sql.unsafe<{ drop: string; make: string }[]>(REMADE, [names]);
  for (const { drop } of found) await sql.unsafe(drop);
  return async () => {
    await sql.unsafe(`SET LOCAL maintenance_work_mem = '${INDEX_MEMORY}'`);
    for (const { make } of found) await sql.unsafe(make);
  };
}

/** Throws `OperatorError` if a registry has used a Postgres. Changes nothing. */
export async function requireUnused(connection: PostgresConnection): Promise<void> {
  const client = postgres({ ...clientOptions(connection), max: 1 });
  try {
    const [found] = await client<{ isThere: boolean }[]>`SELECT to_regclass('log_state') IS NOT NULL AS "isThere"`;
    if (found?.isThere === true) await requireNoRows(client);
  } finally {
    await client.end({ timeout: 2 }).catch(() => undefined);
  }
}

async function requireNoRows(sql: postgres.Sql | postgres.TransactionSql): Promise<void> {
  for (const table of FILLED_BY_USE) {
    const [row] = await sql.unsafe<object[]>(`SELECT 1 FROM "${table}" LIMIT 1`);
    if (row !== undefined)
      throw new OperatorError(
        "the database to fill is not empty: a registry has used it. Create a new database for it.",
      );
  }
}

function targetOver(sql: postgres.TransactionSql): RowTarget {
  return {
    kind: "postgres",
    write: async ({ name, columns }, rows) => {
      const names = columns.map((column) => `"${column.name}"`).join();
      const arrays = columns.map(({ kind }, at) => `CAST(CAST($${at + 1} AS text) AS ${ARRAYS[kind]})`).join();
      const text = `INSERT INTO "${name}" (${names}) SELECT * FROM unnest(${arrays})`;
      for (const params of statementsOf(columns, rows)) await sql.unsafe(text, params, { prepare: true });
    },
    setLastIds: async (ids) => {
      for (const [table, last] of ids) {
        if (last < 1 || !COPIED_TABLES.some(({ name, hasSequence }) => hasSequence && name === table)) continue;
        await sql.unsafe(`SELECT setval(pg_get_serial_sequence('${table}', 'id'), ${last})`);
      }
    },
  };
}
