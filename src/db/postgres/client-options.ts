import type postgres from "postgres";
import type { PostgresConnection } from "../../config/connection.ts";

/** The settings of a client of postgres.js. */
export type ClientOptions = postgres.Options<Record<string, never>>;

const CONNECT_TIMEOUT_S = 4;

/**
 * Settings of every session. They override those of server, database and role: rows must be read as
 * they were written, a statement must see what was committed before it began
 * (packages/blob-removals.ts), and a deadline must be the registry's own.
 */
export const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  DateStyle: "ISO, MDY",
  IntervalStyle: "postgres",
  TimeZone: "UTC",
  standard_conforming_strings: "on",
  bytea_output: "hex",
  default_transaction_isolation: "read committed",
  statement_timeout: "0",
  lock_timeout: "0",
  // The tables are in `public`. Some providers put the extension pg_trgm into `extensions`.
  search_path: "public, extensions",
};

/**
 * Returns the connection settings of postgres.js. `prefer` first tries TLS and goes on without it,
 * as libpq does.
 */
export function clientOptions(connection: PostgresConnection): ClientOptions {
  const tls = { off: false, prefer: "prefer", require: "require", verify: "verify-full" } as const;
  return {
    host: connection.host,
    port: connection.port,
    database: connection.database,
    username: connection.username,
    password: connection.password.reveal(),
    ssl: tls[connection.tls],
    connect_timeout: CONNECT_TIMEOUT_S,
    // postgres.js waits longer after each failed connect, but the registry must be back as soon as
    // its database is.
    backoff: () => 0.2,
    connection: { application_name: "cpm-registry", ...SESSION_SETTINGS },
    onnotice: () => undefined,
  };
}
