import { Database as BunDatabase, type Statement } from "bun:sqlite";
import { getTableColumns, getTableName } from "drizzle-orm";
import postgres from "postgres";
import type { DatabaseConfig } from "../../src/config/config.ts";
import { clientOptions } from "../../src/db/postgres/client-options.ts";
import * as postgresTables from "../../src/db/postgres/schema.ts";
import * as sqliteTables from "../../src/db/sqlite/schema.ts";
import { vectorText } from "../../src/search/postgres.ts";
import { searchRow } from "../../src/search/searchable.ts";
import { termsText } from "../../src/search/sqlite.ts";
import { indexTermsOf, type SearchDocument } from "../../src/search/terms.ts";

type TableName = keyof typeof postgresTables;
type Row<T extends TableName> = (typeof postgresTables)[T]["$inferInsert"];
type Driven = string | number | boolean | Buffer | null;

/** Rows of one table that are collected before they are written as a batch. */
const HELD_ROWS = 20_000;
const SLOW_STATEMENT_MAX_MS = 3_600_000;

/**
 * Writes very many rows. It drops the secondary indexes of the tables first, and `finish` creates
 * them again.
 */
export interface BulkLoader {
  add<T extends TableName>(table: T, row: Row<T>): Promise<void>;
  /** Adds a listed package to the search index, and to the full-text index of the database. */
  addTerms(document: SearchDocument): Promise<void>;
  flush(): Promise<void>;
  /** Writes the rows that are left, creates the indexes and updates the database's statistics. */
  finish(report: (what: string) => void): Promise<void>;
}

/** Rows of one table that wait to be written. */
class HeldRows {
  rows: Driven[][] = [];

  constructor(
    readonly sqlName: string,
    readonly sqlColumns: readonly string[],
  ) {}

  take(): Driven[][] {
    const held = this.rows;
    this.rows = [];
    return held;
  }
}

/** Rows of a table. Only columns of the first row are written; all others get their defaults. */
class TableRows extends HeldRows {
  readonly #columns: { readonly key: string; toDriver(value: unknown): Driven }[];

  constructor(table: (typeof postgresTables)[TableName] | (typeof sqliteTables)[TableName], first: object) {
    const given = Object.entries(getTableColumns(table)).filter(([key]) => key in first);
    super(
      getTableName(table),
      given.map(([, column]) => column.name),
    );
    this.#columns = given.map(([key, column]) => ({
      key,
      toDriver: (value) => (value === null ? null : driven(column.mapToDriverValue(value))),
    }));
  }

  hold(row: Readonly<Record<string, unknown>>): void {
    this.rows.push(this.#columns.map(({ key, toDriver }) => toDriver(row[key] ?? null)));
  }
}

function driven(value: unknown): Driven {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`A column has a value of type ${typeof value}, which no fill writes`);
}

interface IndexedDatabase {
  write(held: HeldRows): Promise<void>;
  run(statement: string): Promise<void>;
  /**
   * The `CREATE INDEX` statements of the indexes that no constraint needs, by the name of the
   * index.
   */
  indexes(): Promise<ReadonlyMap<string, string>>;
  readonly lastStatements: readonly string[];
  /** Search tables that Drizzle does not know, and how to make their rows from a document. */
  readonly termTables: readonly (readonly [held: HeldRows, rowOf: (document: SearchDocument) => Driven[]])[];
  close(): Promise<void>;
}

/** Opens a loader on a migrated database that nobody else writes to. */
export async function openBulkLoader(config: DatabaseConfig): Promise<BulkLoader> {
  const database = config.kind === "sqlite" ? sqliteBulk(config.path) : await postgresBulk(config);
  const tables = config.kind === "sqlite" ? sqliteTables : postgresTables;
  const tableRows = new Map<TableName, TableRows>();
  const indexes = await database.indexes();
  for (const name of indexes.keys()) await database.run(`DROP INDEX "${name}"`);
  const writeFull = async (held: HeldRows) => {
    if (held.rows.length >= HELD_ROWS) await database.write(held);
  };
  const flush = async () => {
    const all = [...tableRows.values(), ...database.termTables.map(([held]) => held)];
    for (const held of all) if (held.rows.length > 0) await database.write(held);
  };
  return {
    add: async (table, row) => {
      const held = tableRows.get(table) ?? new TableRows(tables[table], row);
      tableRows.set(table, held);
      held.hold(row);
      await writeFull(held);
    },
    addTerms: async (document) => {
      for (const [held, rowOf] of database.termTables) {
        held.rows.push(rowOf(document));
        await writeFull(held);
      }
    },
    flush,
    finish: async (report) => {
      await flush();
      for (const [name, statement] of indexes) {
        report(`index ${name}`);
        await database.run(statement);
      }
      report("statistics");
      await database.run("UPDATE listed_packages SET listed = (SELECT count(*) FROM package_search)");
      await database.run(
        `UPDATE registry_totals SET packages = (SELECT count(*) FROM packages), versions = (SELECT count(*) FROM versions),
          storage_bytes = (SELECT coalesce(sum(size), 0) FROM versions)`,
      );
      for (const statement of database.lastStatements) await database.run(statement);
      await database.close();
    },
  };
}

const SEARCH_COLUMNS = "package_id name tier downloads name_words tag_words author_words fingerprint".split(" ");

function searchValues(document: SearchDocument): Driven[] {
  const { packageId, name, popularityBucket, downloads, nameWords, tagWords, authorWords, fingerprint } =
    searchRow(document);
  return [packageId, name, popularityBucket, downloads, nameWords, tagWords, authorWords, fingerprint];
}

function sqliteBulk(path: string): IndexedDatabase {
  const client = new BunDatabase(path, { strict: true });
  // After a power cut the fill is started again, so nothing has to be durable.
  for (const pragma of ["synchronous = OFF", "foreign_keys = OFF", "cache_size = -400000", "busy_timeout = 60000"]) {
    client.run(`PRAGMA ${pragma}`);
  }
  const statements = new Map<string, Statement>();
  const prepared = ({ sqlName, sqlColumns }: HeldRows) => {
    const text = `INSERT INTO "${sqlName}" (${sqlColumns.map((name) => `"${name}"`).join()}) VALUES (${sqlColumns.map(() => "?").join()})`;
    const statement = statements.get(text) ?? client.prepare(text);
    statements.set(text, statement);
    return statement;
  };
  return {
    write: async (held) => {
      const statement = prepared(held);
      client.transaction(() => {
        for (const row of held.take()) statement.run(...row);
      })();
    },
    run: async (statement) => void client.run(statement),
    indexes: async () => {
      const rows = client
        .query<{ name: string; sql: string }, []>(
          "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        )
        .all();
      return new Map(rows.map(({ name, sql }) => [name, sql]));
    },
    termTables: [
      [new HeldRows("package_search", SEARCH_COLUMNS), searchValues],
      [new HeldRows("package_terms", ["rowid", "body"]), (one) => [one.packageId, termsText(indexTermsOf(one))]],
      [new HeldRows("package_trigrams", ["rowid", "name"]), ({ packageId, name }) => [packageId, name]],
    ],
    lastStatements: ["ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"],
    close: async () => client.close(),
  };
}

const LOOSE_INDEXES = `SELECT indexname AS name, indexdef AS sql FROM pg_indexes
  WHERE schemaname = current_schema() AND indexname NOT IN (SELECT conname FROM pg_constraint)`;

async function postgresBulk(config: DatabaseConfig & { kind: "postgres" }): Promise<IndexedDatabase> {
  const client = postgres({ ...clientOptions(config.connection), max: 1 });
  await client.unsafe(`SET statement_timeout = ${SLOW_STATEMENT_MAX_MS}`);
  await client.unsafe("SET maintenance_work_mem = '1GB'");
  await client.unsafe("SET synchronous_commit = off");
  // Foreign keys are right by construction. Only a superuser may switch their checks off; others
  // wait for each check.
  await client.unsafe("SET session_replication_role = replica").catch(() => undefined);
  return {
    write: (held) => copyInto(client, held),
    run: async (statement) => void (await client.unsafe(statement)),
    indexes: async () => {
      const rows = await client.unsafe<{ name: string; sql: string }[]>(LOOSE_INDEXES);
      return new Map(rows.map(({ name, sql }) => [name, sql]));
    },
    termTables: [
      [
        new HeldRows("package_search", [...SEARCH_COLUMNS, "terms"]),
        (one) => [...searchValues(one), vectorText(indexTermsOf(one))],
      ],
    ],
    lastStatements: [setSequences(), "VACUUM ANALYZE"],
    close: () => client.end({ timeout: 5 }),
  };
}

async function copyInto(client: postgres.Sql, held: HeldRows): Promise<void> {
  const columns = held.sqlColumns.map((name) => `"${name}"`).join();
  const stream = await client.unsafe(`COPY "${held.sqlName}" (${columns}) FROM STDIN`).writable();
  const lines = held.take().map((row) => row.map(copyText).join("\t"));
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("finish", resolve);
    stream.end(`${lines.join("\n")}\n`);
  });
}

/** Formats a value as COPY's text format wants it. */
function copyText(value: Driven): string {
  if (value === null) return "\\N";
  if (typeof value !== "string") return String(value);
  return value.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
}

/** Rows were given ids, so the sequences of the tables must continue after them. */
function setSequences(): string {
  return ["packages", "versions", "events"]
    .map((table) => `SELECT setval(pg_get_serial_sequence('${table}', 'id'), (SELECT max(id) FROM ${table}))`)
    .join(";\n");
}
