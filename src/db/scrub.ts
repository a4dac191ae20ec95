import { Database as BunDatabase } from "bun:sqlite";
import postgres from "postgres";
import type { DatabaseConfig } from "../config/config.ts";
import type { PostgresConnection } from "../config/connection.ts";
import { Failure, failure } from "../errors.ts";
import { ifThere } from "../runtime/if-there.ts";
import { syncPath } from "../runtime/sync-path.ts";
import { databaseFailure } from "./failure.ts";
import { clientOptions } from "./postgres/client-options.ts";

/** How long to wait for servers that read or write. */
const WAIT_MS = 30_000;
const PAUSE_MS = 50;
const RETRY_AFTER_SECONDS = 5;

const TEXT_INDEXES = ["package_terms", "package_trigrams"] as const;

/** The tables of Postgres that hold contents of archives, words of owners, or personal data. */
const SCRUBBED_TABLES = [
  "versions",
  "version_contents",
  "packages",
  "package_search",
  "package_tags",
  "package_authors",
  "package_dependencies",
  "events",
  "users",
  "sessions",
  "api_tokens",
  "account_keys",
  "account_links",
  "login_networks",
  "webhooks",
  "webhook_deliveries",
  "log_leaves",
  "log_tiles",
] as const;

/**
 * Removes from the files of a database what earlier transactions deleted: a deleted row stays
 * readable in them until its place is used again. It rewrites SQLite's whole file, or the tables of
 * Postgres. Servers may run; their writes wait meanwhile, and on Postgres their reads of a table
 * while that is rewritten. Throws `database_unavailable` if they never let it through, and
 * `storage_full` without room for a second copy of the database. Then the bytes may remain.
 */
export async function scrubDatabase(database: DatabaseConfig): Promise<void> {
  if (database.kind === "sqlite") await scrubSqlite(database.path);
  else await scrubPostgres(database.connection);
}

async function scrubSqlite(path: string): Promise<void> {
  const client = new BunDatabase(path, { readwrite: true });
  try {
    client.run(`PRAGMA busy_timeout = ${WAIT_MS}`);
    // The text indexes keep the words of deleted rows until their segments are merged.
    for (const index of TEXT_INDEXES) client.run(`INSERT INTO ${index} (${index}) VALUES ('optimize')`);
    client.run("VACUUM");
    // The old pages stay in the WAL until it is emptied, which a reader can delay.
    const deadlineMs = performance.now() + WAIT_MS;
    while (client.query<{ busy: number }, []>("PRAGMA wal_checkpoint(TRUNCATE)").get()?.busy !== 0) {
      if (performance.now() > deadlineMs) throw unavailable();
      await Bun.sleep(PAUSE_MS);
    }
    // A power cut could bring the old length of the WAL back, with its bytes.
    await ifThere(() => syncPath(`${path}-wal`, "r+"));
  } catch (cause) {
    throw scrubFailure(cause);
  } finally {
    client.close();
  }
}

/**
 * Waits until no transaction can see what was deleted: Postgres keeps it for them when it rewrites a
 * table. A change under way in any database of the server holds back the snapshots of all, so those
 * have to end first, and then the transactions of this database that began before.
 */
async function waitForOlderTransactions(client: postgres.Sql): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  const until = async (isOver: () => Promise<boolean>) => {
    while (!(await isOver())) {
      if (performance.now() > deadlineMs) throw unavailable();
      await Bun.sleep(PAUSE_MS);
    }
  };
  const [next] = await client<{ xid: string }[]>`SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid`;
  await until(async () => {
    const [found] = await client<{ over: boolean }[]>`
      SELECT pg_snapshot_xmin(pg_current_snapshot()) >= ${next?.xid ?? ""}::text::xid8 AS over`;
    return found?.over === true;
  });
  const [now] = await client<{ at: string }[]>`SELECT clock_timestamp()::text AS at`;
  await until(async () => {
    const older = await client`
      SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND xact_start < ${now?.at ?? ""}::timestamptz LIMIT 1`;
    return older.length === 0;
  });
}

async function scrubPostgres(connection: PostgresConnection): Promise<void> {
  const client = postgres({ ...clientOptions(connection), max: 1 });
  try {
    await client.unsafe(`SET lock_timeout = ${WAIT_MS}`);
    await waitForOlderTransactions(client);
    for (const table of SCRUBBED_TABLES) await client.unsafe(`VACUUM (FULL, ANALYZE) "${table}"`);
    // Statistics hold values of columns. Their old rows are dead by now, and only the owner of the
    // database may rewrite them. For other users Postgres skips this with a warning.
    await waitForOlderTransactions(client);
    await client.unsafe("VACUUM FULL pg_catalog.pg_statistic");
  } catch (cause) {
    throw scrubFailure(cause);
  } finally {
    await client.end({ timeout: 2 }).catch(() => undefined);
  }
}

function scrubFailure(cause: unknown): Failure {
  const found = databaseFailure(cause);
  return found instanceof Failure && found.error.code === "storage_full" ? found : unavailable(cause);
}

function unavailable(cause?: unknown): Failure {
  return failure({ code: "database_unavailable", retryAfterSeconds: RETRY_AFTER_SECONDS }, cause);
}
