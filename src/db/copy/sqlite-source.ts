import { Database as BunDatabase, type SQLQueryBindings } from "bun:sqlite";
import { type CopiedRows, type RowSource, searchSource, transactionShift } from "./source.ts";
import { batchRowsOf, type CopiedTable, type CopiedValue } from "./tables.ts";

const BUSY_TIMEOUT_MS = 5_000;

/** Returns the columns of a table as SQL, of the alias `t`. */
function columnsOf({ columns, name: table }: CopiedTable, shift: number): string {
  return columns
    .map(({ name }) => (table === "events" && name === "transaction_id" ? `t."${name}" - ${shift}` : `t."${name}"`))
    .join();
}

/**
 * Reads a SQLite file in one transaction, and passes it to `work`. A server may use the file.
 * `isQuiet` says that no process writes to the file, so that nothing is created beside it.
 */
export async function readSqlite<T>(
  path: string,
  isQuiet: boolean,
  work: (source: RowSource) => Promise<T>,
): Promise<T> {
  const client = new BunDatabase(path, isQuiet ? { readonly: true } : { readwrite: true });
  try {
    client.run(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    client.run("PRAGMA query_only = ON");
    client.run("BEGIN");
    return await work(sourceOver(client));
  } finally {
    if (client.inTransaction) client.run("ROLLBACK");
    client.close();
  }
}

function sourceOver(client: BunDatabase): RowSource {
  const numberOf = (text: string) => Number(client.query<{ found: number | null }, []>(text).get()?.found ?? 0);
  const shift = transactionShift(numberOf("SELECT max(transaction_id) AS found FROM events"));
  /** Rows are found by their place, because a statement that stays open would keep all before it. */
  function* pages(table: CopiedTable, more: string): Generator<CopiedRows> {
    const text = `SELECT t.rowid, ${columnsOf(table, shift)}${more} WHERE t.rowid > ? ORDER BY t.rowid LIMIT ?`;
    const page = client.prepare<unknown, SQLQueryBindings[]>(text);
    const rowsMax = batchRowsOf(table);
    try {
      for (let last = Number.MIN_SAFE_INTEGER; ; ) {
        const rows = page.values(last, rowsMax) as CopiedValue[][];
        if (rows.length > 0) yield rows.map((row) => row.slice(1));
        if (rows.length < rowsMax) return;
        last = Number(rows.at(-1)?.[0]);
      }
    } finally {
      // An open statement would keep the file open.
      page.finalize();
    }
  }
  const list = (table: string, column: string) =>
    `(SELECT json_group_array(l."${column}") FROM "${table}" AS l WHERE l.package_id = t.package_id)`;
  return {
    kind: "sqlite",
    count: async ({ name }) => numberOf(`SELECT count(*) AS found FROM "${name}"`),
    rows: async function* (table) {
      yield* pages(table, ` FROM "${table.name}" AS t`);
    },
    searchRows: async function* (table) {
      const texts = `, p.description, ${list("package_tags", "tag")}, ${list("package_authors", "author")}`;
      const from = ` FROM "${table.name}" AS t JOIN packages AS p ON p.id = t.package_id`;
      for (const rows of pages(table, texts + from)) yield rows.map(searchSource);
    },
    lastIds: async () => {
      const rows = client.query<{ name: string; seq: number }, []>("SELECT name, seq FROM sqlite_sequence").all();
      return new Map(rows.map(({ name, seq }) => [name, seq]));
    },
  };
}
