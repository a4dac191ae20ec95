import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import type { DatabaseConfig } from "../config/config.ts";
import type { PostgresConnection } from "../config/connection.ts";
import { MIGRATIONS } from "./migrations.gen.ts";

interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** The names of the migrations that a database has and lacks, in order. */
export interface MigrationState {
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

/**
 * Thrown when this binary cannot work with the schema of the database. The message tells the
 * operator what to do.
 */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
}

/**
 * The migrations table of one database, in one transaction that excludes every other migrating
 * process.
 */
interface Ledger {
  /** Whether the database accepts no changes now. */
  readonly isReadOnly: boolean;
  run(statement: string): Promise<void>;
  applied(): Promise<{ name: string; hash: string }[]>;
  record(name: string, hash: string): Promise<void>;
}

const LEDGER_TABLE =
  "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, hash text NOT NULL, applied_at text NOT NULL)";

/**
 * The key of the advisory lock that all migrating processes take: an arbitrary constant ("cpmregis"
 * as a number).
 */
const ADVISORY_LOCK = "7165064477873236339";
const MIGRATION_LOCK_TIMEOUT_MS = 60_000;

/**
 * Renumbers the events of a dump that was restored into another server. Their transaction ids are
 * still to come there, so they would be hidden, and new events would be listed before them
 * (events/final-events.ts). Below zero they keep their order and precede all new ones.
 */
const SETTLE_RESTORED_EVENTS = `UPDATE events SET transaction_id = transaction_id - last.number - 1
  FROM (SELECT max(transaction_id) AS number FROM events) AS last
  WHERE last.number >= txid_snapshot_xmax(txid_current_snapshot())`;

function hashOf(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}

/**
 * Compares the ledger with the embedded migrations. Throws `MigrationError` when their histories
 * differ.
 */
function migrationStateOf(
  known: readonly Migration[],
  ledger: readonly { name: string; hash: string }[],
): MigrationState {
  const hashes = new Map(ledger.map((row) => [row.name, row.hash]));
  for (const migration of known) {
    const hash = hashes.get(migration.name);
    if (hash !== undefined && hash !== hashOf(migration)) {
      throw new MigrationError(
        `Migration ${migration.name} was applied with different SQL. Restore the database, or start the cpm-registry that applied it.`,
      );
    }
    hashes.delete(migration.name);
  }
  const [unknown] = hashes.keys();
  if (unknown !== undefined) {
    throw new MigrationError(
      `The database has migration ${unknown} of a newer cpm-registry. Start that version or a newer one.`,
    );
  }
  const applied = new Set(ledger.map((row) => row.name));
  return {
    applied: known.filter(({ name }) => applied.has(name)).map(({ name }) => name),
    pending: known.filter(({ name }) => !applied.has(name)).map(({ name }) => name),
  };
}

/**
 * Compares the ledger of a SQLite database with the embedded migrations. Throws `MigrationError`
 * when the database is newer than this program or has another history.
 */
export function sqliteSchemaState(ledger: readonly { name: string; hash: string }[]): MigrationState {
  return migrationStateOf(MIGRATIONS.sqlite, ledger);
}

/** A server that restarts while its database is read-only must go on answering reads. */
async function requireUpToDate(known: readonly Migration[], ledger: Ledger): Promise<MigrationState> {
  const state = migrationStateOf(known, await ledger.applied());
  if (state.pending.length === 0) return state;
  throw new MigrationError(
    "The database is read-only, and migrations are pending. Make it writable, then start again.",
  );
}

async function bringUpToDate(known: readonly Migration[], ledger: Ledger): Promise<MigrationState> {
  if (ledger.isReadOnly) return requireUpToDate(known, ledger);
  await ledger.run(LEDGER_TABLE);
  const before = migrationStateOf(known, await ledger.applied());
  for (const migration of known) {
    if (!before.pending.includes(migration.name)) continue;
    for (const statement of migration.sql.split("--> statement-breakpoint")) await ledger.run(statement);
    await ledger.record(migration.name, hashOf(migration));
  }
  return before;
}

async function withSqlite<T>(path: string, task: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { openSqlite } = await import("./sqlite/database.ts");
  const database = openSqlite(path);
  const client = database.client;
  try {
    client.run(`PRAGMA busy_timeout = ${MIGRATION_LOCK_TIMEOUT_MS}`);
    client.run("BEGIN IMMEDIATE");
    const result = await task({
      isReadOnly: false,
      run: async (statement) => void client.run(statement),
      applied: async () =>
        client.query<{ name: string; hash: string }, []>("SELECT name, hash FROM schema_migrations").all(),
      record: async (name, hash) =>
        void client.run("INSERT INTO schema_migrations VALUES (?, ?, datetime('now'))", [name, hash]),
    });
    client.run("COMMIT");
    return result;
  } catch (cause) {
    if (client.inTransaction) client.run("ROLLBACK");
    throw cause;
  } finally {
    await database.close();
  }
}

async function withPostgres<T>(connection: PostgresConnection, task: (ledger: Ledger) => Promise<T>): Promise<T> {
  const { default: postgres } = await import("postgres");
  const { clientOptions } = await import("./postgres/client-options.ts");
  const { explainRefusedSettings, requireOwnSessions, requireTrigrams } = await import("./postgres/session-check.ts");
  const client = postgres({ ...clientOptions(connection), max: 1 });
  try {
    await requireOwnSessions(client, connection);
    await requireTrigrams(client);
    const running = client.begin(async (sql) => {
      await sql.unsafe(`SET LOCAL lock_timeout = ${MIGRATION_LOCK_TIMEOUT_MS}`);
      await sql.unsafe(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`);
      const [state] = await sql<{ mode: string }[]>`SELECT current_setting('transaction_read_only') AS mode`;
      return task({
        isReadOnly: state?.mode === "on",
        run: async (statement) => void (await sql.unsafe(statement)),
        applied: async () => {
          const [ledger] = await sql<{ exists: boolean }[]>`
            SELECT to_regclass('schema_migrations') IS NOT NULL AS exists`;
          if (ledger?.exists !== true) return [];
          return [...(await sql<{ name: string; hash: string }[]>`SELECT name, hash FROM schema_migrations`)];
        },
        record: async (name, hash) =>
          void (await sql`INSERT INTO schema_migrations VALUES (${name}, ${hash}, now()::text)`),
      });
    });
    return (await running) as T;
  } catch (cause) {
    throw explainRefusedSettings(cause);
  } finally {
    await Promise.race([client.end({ timeout: 2 }).catch(() => undefined), Bun.sleep(3_000)]);
  }
}

function onLedger<T>(
  config: DatabaseConfig,
  task: (ledger: Ledger, known: readonly Migration[]) => Promise<T>,
): Promise<T> {
  return config.kind === "sqlite"
    ? withSqlite(config.path, (ledger) => task(ledger, MIGRATIONS.sqlite))
    : withPostgres(config.connection, (ledger) => task(ledger, MIGRATIONS.postgres));
}

/**
 * Applies the embedded migrations that the database lacks, all in one transaction under a lock. So
 * servers that start at once on an empty database wait for each other, and all come up.
 *
 * Returns the state before. Throws `MigrationError` when the database is newer than this binary or
 * was migrated with other SQL.
 */
export function migrate(config: DatabaseConfig): Promise<MigrationState> {
  return onLedger(config, async (ledger, known) => {
    const before = await bringUpToDate(known, ledger);
    if (config.kind === "postgres" && !ledger.isReadOnly) await ledger.run(SETTLE_RESTORED_EVENTS);
    return before;
  });
}

/**
 * Returns which migrations are applied and pending. It changes nothing except that it creates an
 * empty ledger table in an existing database.
 */
export async function migrationState(config: DatabaseConfig): Promise<MigrationState> {
  if (config.kind === "sqlite" && !existsSync(config.path)) return migrationStateOf(MIGRATIONS.sqlite, []);
  return onLedger(config, async (ledger, known) => {
    if (!ledger.isReadOnly) await ledger.run(LEDGER_TABLE);
    return migrationStateOf(known, await ledger.applied());
  });
}
