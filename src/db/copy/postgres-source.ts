import postgres from "postgres";
import type { PostgresConnection } from "../../config/connection.ts";
import { clientOptions } from "../postgres/client-options.ts";
import { type CopiedRows, type RowSource, searchSource, transactionShift } from "./source.ts";
import { batchRowsOf, COPIED_TABLES, type CopiedColumn, type CopiedTable, type CopiedValue } from "./tables.ts";

/** Returns a column of the alias `t` as SQL, in the form of `CopiedValue`. */
function expressionOf({ name, kind }: CopiedColumn): string {
  const column = `t."${name}"`;
  if (kind === "boolean") return `${column}::int`;
  if (kind === "instant") return `round(extract(epoch FROM ${column}) * 1000)::float8`;
  // The driver returns bigint as text. No id and no count is beyond what a double holds.
  if (kind === "number") return `${column}::float8`;
  return kind === "json" ? `${column}::text` : column;
}

function columnsOf(table: CopiedTable, shift: number): string {
  return table.columns
    .map((column) => {
      const isShifted = table.name === "events" && column.name === "transaction_id";
      return isShifted ? `(t.transaction_id - ${shift})::float8` : expressionOf(column);
    })
    .join();
}

/**
 * Reads a Postgres in one transaction that sees one state of it, and passes it to `work`. Needs no
 * right but that to read the tables.
 */
export async function readPostgres<T>(
  connection: PostgresConnection,
  work: (source: RowSource) => Promise<T>,
): Promise<T> {
  const client = postgres({ ...clientOptions(connection), max: 1 });
  try {
    const running = client.begin("isolation level repeatable read read only", async (sql) =>
      work(sourceOver(sql, await shiftOf(sql))),
    );
    return (await running) as T;
  } finally {
    await client.end({ timeout: 2 }).catch(() => undefined);
  }
}

async function numberFrom(sql: postgres.TransactionSql, text: string): Promise<number> {
  const [row] = await sql.unsafe<{ found: number | null }[]>(text);
  return row?.found ?? 0;
}

async function shiftOf(sql: postgres.TransactionSql): Promise<number> {
  return transactionShift(await numberFrom(sql, "SELECT max(transaction_id)::float8 AS found FROM events"));
}

function sourceOver(sql: postgres.TransactionSql, shift: number): RowSource {
  const pages = (table: CopiedTable, more: string): AsyncIterable<CopiedRows> =>
    sql
      .unsafe(`SELECT ${columnsOf(table, shift)}${more}`)
      .values()
      .cursor(batchRowsOf(table)) as AsyncIterable<CopiedValue[][]>;
  const list = (table: string, column: string) =>
    `coalesce((SELECT json_agg(l."${column}") FROM "${table}" AS l WHERE l.package_id = t.package_id), '[]')::text`;
  return {
    kind: "postgres",
    count: ({ name }) => numberFrom(sql, `SELECT count(*)::float8 AS found FROM "${name}"`),
    rows: (table) => pages(table, ` FROM "${table.name}" AS t`),
    searchRows: async function* (table) {
      const texts = `, p.description, ${list("package_tags", "tag")}, ${list("package_authors", "author")}`;
      const from = ` FROM "${table.name}" AS t JOIN packages AS p ON p.id = t.package_id`;
      for await (const rows of pages(table, texts + from)) yield rows.map(searchSource);
    },
    lastIds: async () => {
      const ids = new Map<string, number>();
      for (const { name } of COPIED_TABLES.filter(({ hasSequence }) => hasSequence)) {
        const last = "CASE WHEN is_called THEN last_value ELSE last_value - 1 END";
        ids.set(name, await numberFrom(sql, `SELECT (${last})::float8 AS found FROM "${name}_id_seq"`));
      }
      return ids;
    },
  };
}
