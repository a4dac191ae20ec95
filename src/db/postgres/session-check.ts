import postgres from "postgres";
import { ConfigError } from "../../config/config.ts";
import type { PostgresConnection } from "../../config/connection.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { type ClientOptions, clientOptions, SESSION_SETTINGS } from "./client-options.ts";

const ANSWER_MAX_MS = 3_000;
/** A pooler in transaction mode mostly gives the session that it got back last. */
const TRIES = 3;

function refusal(message: string): ConfigError {
  return new ConfigError([{ setting: "DATABASE_URL", message }]);
}

/** How a pooler is set up so that the registry works behind it, for PgBouncer by its own names. */
function poolerAdvice(): string {
  const names = Object.keys(SESSION_SETTINGS).join(", ");
  return `connect to Postgres itself, or set pool_mode = session and ignore_startup_parameters = ${names}`;
}

/**
 * Converts the refusal of a pooler to a message for the operator. Returns other causes unchanged.
 */
export function explainRefusedSettings(cause: unknown): unknown {
  const [, name] = /unsupported startup parameter:? (\w+)/.exec(cause instanceof Error ? cause.message : "") ?? [];
  if (name === undefined) return cause;
  return refusal(`reaches a pooler that refuses the session setting ${name}: ${poolerAdvice()}`);
}

/**
 * Whether a pooler answers for Postgres: the process that serves us is not the one that greeted us.
 */
async function isPooled(client: postgres.Sql): Promise<boolean> {
  const answer = await client.unsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
  return answer.state?.pid !== answer[0]?.pid;
}

async function sessionOf(client: postgres.Sql | postgres.TransactionSql): Promise<number | undefined> {
  const [row] = await client.unsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
  return row?.pid;
}

/**
 * Whether the session of `client` is given to others between its transactions. Opens others that
 * hold theirs, and looks whether one got that session, or `client` another.
 */
async function isSessionShared(client: postgres.Sql, options: ClientOptions): Promise<boolean> {
  const others: postgres.Sql[] = [];
  const { promise: done, resolve: end } = Promise.withResolvers<void>();
  const held: Promise<unknown>[] = [];
  try {
    for (let count = 0; count < TRIES; count += 1) {
      const other = postgres({ ...options, max: 1, fetch_types: false });
      others.push(other);
      const before = await sessionOf(client);
      const { promise: begun, resolve, reject } = Promise.withResolvers<number | undefined>();
      const holding = other.begin(async (transaction) => {
        resolve(await sessionOf(transaction));
        await done;
      });
      holding.catch(reject);
      held.push(holding);
      // In statement mode, a transaction ends the connection.
      const taken = await begun.catch(() => before);
      if (taken === before || (await sessionOf(client)) !== before) return true;
    }
    return false;
  } finally {
    end();
    await Promise.allSettled(held);
    for (const other of others) other.end({ timeout: 1 }).catch(() => undefined);
  }
}

/** Returns the session settings that a pooler did not pass on, as `name is value`. */
async function wrongSettings(client: postgres.Sql): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) {
    const isRight = name === "search_path" ? "current_schema() = 'public'" : `current_setting('${name}') = '${value}'`;
    const [row] = await client.unsafe<{ right: boolean }[]>(`SELECT ${isRight} AS right`);
    if (row?.right !== true) wrong.push(`${name} = ${name === "search_path" ? value : `'${value}'`}`);
  }
  return wrong;
}

/**
 * Makes sure that the extension pg_trgm, where it is installed already, is found by the
 * `search_path` of the registry's sessions. Throws `ConfigError`.
 */
export async function requireTrigrams(client: postgres.Sql): Promise<void> {
  const [found] = await client<{ schema: string; isFound: boolean }[]>`
    SELECT namespace.nspname AS schema, namespace.nspname = ANY (current_schemas(true)) AS "isFound"
    FROM pg_extension AS extension JOIN pg_namespace AS namespace ON namespace.oid = extension.extnamespace
    WHERE extension.extname = 'pg_trgm'`;
  if (found === undefined || found.isFound) return;
  throw refusal(
    `names a database whose extension pg_trgm is in the schema ${found.schema}, where the registry does not look. ` +
      "In that database: ALTER EXTENSION pg_trgm SET SCHEMA public",
  );
}

/**
 * Makes sure that the registry has sessions of its own, with its settings. Behind a pooler in
 * transaction mode, prepared statements and settings of different clients get mixed up. Throws
 * `ConfigError`.
 */
export async function requireOwnSessions(client: postgres.Sql, connection: PostgresConnection): Promise<void> {
  if (!(await isPooled(client))) return;
  const shared = isSessionShared(client, clientOptions(connection));
  const isShared = await withTimeout(ANSWER_MAX_MS, shared).catch((cause) => {
    if (!(cause instanceof DOMException)) throw cause;
    throw refusal(`reaches a pooler that gives the registry too few connections: ${poolerAdvice()}`);
  });
  if (isShared) {
    throw refusal(
      "reaches a pooler in transaction or statement mode, which mixes up prepared statements and settings of " +
        `different clients: ${poolerAdvice()}`,
    );
  }
  const wrong = await wrongSettings(client);
  if (wrong.length === 0) return;
  const statements = wrong.map((setting) => `ALTER ROLE ${connection.username} SET ${setting}`).join("; ");
  throw refusal(`reaches a pooler that does not pass on session settings. In the database: ${statements}`);
}
