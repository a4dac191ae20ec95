import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import type { DatabaseConfig } from "../../src/config/config.ts";
import { parsePostgresConnection } from "../../src/config/connection.ts";
import { MIGRATIONS } from "../../src/db/migrations.gen.ts";
import { clientOptions } from "../../src/db/postgres/client-options.ts";
import { openSqlite } from "../../src/db/sqlite/database.ts";
import { testPostgres } from "../support/postgres.ts";
import type { DatabaseKind } from "../support/registry.ts";

/* Databases of earlier versions. */

type Row = Readonly<Record<string, unknown>>;

/** A database that tests read and change in plain SQL. */
export interface OldDatabase {
  readonly kind: DatabaseKind;
  readonly config: DatabaseConfig;
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<Row[]>;
  close(): Promise<void>;
}

async function oldSqlite(): Promise<OldDatabase> {
  const dir = await mkdtemp(join(tmpdir(), "cpm-upgrade-test-"));
  const path = join(dir, "registry.db");
  const database = openSqlite(path);
  return {
    kind: "sqlite",
    config: { kind: "sqlite", path },
    run: async (sql) => void database.client.run(sql),
    rows: async (sql) => database.client.query<Row, []>(sql).all(),
    close: async () => {
      await database.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function oldPostgres(): Promise<OldDatabase> {
  const url = await (await testPostgres()).createDatabase();
  const connection = parsePostgresConnection(url);
  if (typeof connection === "string") throw new Error(`Not a connection: ${url}`);
  const client = postgres({ ...clientOptions(connection), max: 1 });
  return {
    kind: "postgres",
    config: { kind: "postgres", connection },
    run: async (sql) => void (await client.unsafe(sql)),
    rows: async (sql) => [...(await client.unsafe<Row[]>(sql))],
    close: async () => {
      await client.end();
      await (await testPostgres()).dropDatabase(url);
    },
  };
}

/** Creates an empty database. */
export function oldDatabase(kind: DatabaseKind): Promise<OldDatabase> {
  return kind === "sqlite" ? oldSqlite() : oldPostgres();
}

/** Applies the migrations of a database up to, but without, the one whose name ends so. */
export async function migrateBefore({ kind, run }: OldDatabase, ending: string): Promise<void> {
  await run("CREATE TABLE schema_migrations (name text PRIMARY KEY, hash text NOT NULL, applied_at text NOT NULL)");
  for (const { name, sql } of MIGRATIONS[kind]) {
    if (name.endsWith(ending)) return;
    for (const statement of sql.split("--> statement-breakpoint")) await run(statement);
    const hash = createHash("sha256").update(sql).digest("hex");
    await run(`INSERT INTO schema_migrations VALUES ('${name}', '${hash}', '')`);
  }
}
