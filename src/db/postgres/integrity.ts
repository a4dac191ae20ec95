import postgres from "postgres";
import type { PostgresConnection } from "../../config/connection.ts";
import { errorCode } from "../../errors.ts";
import { faultCode } from "../../runtime/fault-codes.ts";
import { clientOptions } from "./client-options.ts";

/**
 * Codes by which Postgres says that `amcheck` is not there, or that this user may not create it.
 */
const NO_AMCHECK = ["0A000", "42501", "58P01"];

interface Relation {
  readonly name: string;
  readonly oid: number;
  readonly indexes: readonly { readonly name: string; readonly oid: number }[];
}

/** Ends a transaction that is to leave nothing behind. */
class RollBack extends Error {}

function isDamage(cause: unknown): boolean {
  return ["damaged", "broken"].includes(faultCode(errorCode(cause))?.kind ?? "");
}

async function relations(client: postgres.Sql): Promise<Relation[]> {
  return client<Relation[]>`
    SELECT "table".relname AS name, "table".oid::int AS oid, coalesce(
      (SELECT json_agg(json_build_object('name', "index".relname, 'oid', "index".oid::int) ORDER BY "index".relname)
       FROM pg_index JOIN pg_class AS "index" ON "index".oid = pg_index.indexrelid
       JOIN pg_am ON pg_am.oid = "index".relam AND pg_am.amname = 'btree'
       WHERE pg_index.indrelid = "table".oid), '[]') AS indexes
    FROM pg_class AS "table"
    WHERE "table".relkind = 'r' AND "table".relnamespace = 'public'::regnamespace ORDER BY 1`;
}

/** Reads every row with all of its values. Returns the first problem. */
async function unreadable(client: postgres.Sql, { name }: Relation): Promise<string[]> {
  try {
    await client`SELECT count(stored::text) FROM ${client(name)} AS stored`;
    return [];
  } catch (cause) {
    if (!isDamage(cause)) throw cause;
    return [`rows of ${name} cannot be read (${errorCode(cause)})`];
  }
}

/**
 * Checks a table and its B-tree indexes with `amcheck`. Where the extension is missing, it is
 * created in the transaction of the check, which is rolled back. Each table has its own
 * transaction, because the feeds of events wait for long ones.
 */
async function amcheck(client: postgres.Sql, { name, oid, indexes }: Relation): Promise<string[]> {
  const problems: string[] = [];
  const run = client.begin(async (sql) => {
    await sql`CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA public`;
    const check = async (what: string, work: (inner: postgres.TransactionSql) => Promise<string[]>) => {
      await sql
        .savepoint(async (inner) => void problems.push(...(await work(inner))))
        .catch((cause) => {
          if (!isDamage(cause)) throw cause;
          problems.push(`${what} is damaged (${errorCode(cause)})`);
        });
    };
    await check(`the table ${name}`, async (inner) => {
      const rows = await inner<{ msg: string }[]>`SELECT msg FROM verify_heapam(${oid}::oid::regclass)`;
      return rows.map(({ msg }) => `the table ${name}: ${msg}`);
    });
    for (const index of indexes) {
      await check(`the index ${index.name}`, async (inner) => {
        await inner`SELECT bt_index_check(${index.oid}::oid::regclass, true)`;
        return [];
      });
    }
    throw new RollBack();
  });
  await run.catch((cause) => {
    if (!(cause instanceof RollBack)) throw cause;
  });
  return problems;
}

/** Reads every row, and checks tables and indexes with `amcheck` where it is there. */
export async function checkPostgres(
  connection: PostgresConnection,
): Promise<{ problems: string[]; unchecked?: string }> {
  const client = postgres({ ...clientOptions(connection), max: 1 });
  const problems: string[] = [];
  let hasAmcheck = true;
  try {
    for (const relation of await relations(client)) {
      problems.push(...(await unreadable(client, relation)));
      if (!hasAmcheck) continue;
      const found = await amcheck(client, relation).catch((cause) => {
        if (!NO_AMCHECK.includes(errorCode(cause) ?? "")) throw cause;
        hasAmcheck = false;
        return [];
      });
      problems.push(...found);
    }
  } finally {
    await client.end({ timeout: 2 }).catch(() => undefined);
  }
  if (hasAmcheck) return { problems };
  const unchecked =
    "The indexes of Postgres were not checked: the extension amcheck is missing, and this user may not create it. As a superuser, run CREATE EXTENSION amcheck in its database.";
  return { problems, unchecked };
}
