import { Database } from "bun:sqlite";
import { randomFillSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { diskRate } from "./durable-put.ts";
import { programPath } from "./install-peers.ts";

/*
 * Measures the least that a publish needs, without the registry: one durable file and one durable
 * commit.
 */

const SECONDS = 2;
/** Roughly the bytes that a publish writes to the database. */
const ROW_BYTES = 3_000;
const FILE_BYTES = 10_000;

/** Combines two rates of work that is done one after the other, because both share a disk. */
function inTurns(commits: number, files: number): number {
  return 1 / (1 / commits + 1 / files);
}

function commitsOfSqlite(directory: string): number {
  const db = new Database(join(directory, "bare.db"));
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  db.run("CREATE TABLE IF NOT EXISTS bare (body BLOB)");
  const insert = db.query("INSERT INTO bare (body) VALUES (?)");
  const body = randomFillSync(new Uint8Array(ROW_BYTES));
  const startedMs = performance.now();
  let done = 0;
  for (; performance.now() - startedMs < SECONDS * 1_000; done += 1) insert.run(body);
  const took = performance.now() - startedMs;
  db.close();
  return (done * 1_000) / took;
}

/** Measures commits of SQLite, as durable as the registry's, together with files. */
export async function bareSqlite(directory: string, width: number): Promise<number> {
  return inTurns(commitsOfSqlite(directory), await diskRate(width, directory, FILE_BYTES));
}

const INSERT = `INSERT INTO bare (body) VALUES (repeat('x', ${ROW_BYTES}));\n`;
/**
 * Two kinds of transactions: independent ones, and ones that all change the same row, as appends to
 * a log must.
 */
const PGBENCH = {
  pgbench: INSERT,
  "pgbench with a common row": `BEGIN;\nUPDATE bare_log SET size = size + 1;\n${INSERT}COMMIT;\n`,
} as const;
export const PGBENCH_KINDS = Object.keys(PGBENCH) as (keyof typeof PGBENCH)[];

async function commitsOfPostgres(url: string, directory: string, text: string, width: number): Promise<number> {
  const script = join(directory, "bare.sql");
  writeFileSync(script, text);
  const clients = ["-c", String(width), "-j", "1", "-T", String(SECONDS)];
  const command = [programPath("pgbench") ?? "pgbench", "-n", ...clients, "-f", script, url];
  const run = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const [report] = await Promise.all([new Response(run.stdout).text(), run.exited]);
  const rate = /^tps = ([\d.]+)/m.exec(report)?.[1];
  if (rate === undefined) throw new Error(`pgbench did not measure:\n${report}`);
  return Number(rate);
}

/**
 * Makes the tables that `barePostgres` writes. Postgres must not compress rows or move them to a
 * TOAST table.
 */
export async function makeBareTables(url: string): Promise<void> {
  const sql = new Bun.SQL(url);
  await sql.unsafe("CREATE TABLE bare (body text STORAGE PLAIN)");
  await sql.unsafe("CREATE TABLE bare_log AS SELECT 0 AS size");
  await sql.end();
}

/** Measures commits of `width` clients of `pgbench`, together with files. */
export async function barePostgres(
  url: string,
  directory: string,
  kind: keyof typeof PGBENCH,
  width: number,
): Promise<number> {
  return inTurns(
    await commitsOfPostgres(url, directory, PGBENCH[kind], width),
    await diskRate(width, directory, FILE_BYTES),
  );
}
