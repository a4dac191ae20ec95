import { Database } from "bun:sqlite";
import { join } from "node:path";
import postgres from "postgres";
import type { ServerProcess } from "./server.ts";

/** A version in the database, read without the registry. */
export interface VersionRow {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly size: number;
  /** Whether the row of its contents exists. */
  readonly hasContents: boolean;
  /** Its index in the log. Null if it is not in the log. */
  readonly logIndex: number | null;
}

/** Everything that a publish writes into the database. */
export interface Rows {
  readonly versions: readonly VersionRow[];
  /** Packages without a version. */
  readonly emptyPackages: readonly string[];
  /** Contents without a version. */
  readonly strayContents: number;
}

const VERSIONS = `
  SELECT p.name, v.version, v.sha256, v.size, v.log_index, c.version_id AS contents
  FROM versions v LEFT JOIN packages p ON p.id = v.package_id LEFT JOIN version_contents c ON c.version_id = v.id`;
const EMPTY_PACKAGES = "SELECT name FROM packages WHERE id NOT IN (SELECT package_id FROM versions)";
const STRAY_CONTENTS =
  "SELECT count(*) AS count FROM version_contents WHERE version_id NOT IN (SELECT id FROM versions)";

interface FoundVersion {
  readonly name: string | null;
  readonly version: string;
  readonly sha256: string;
  readonly size: number | string;
  readonly contents: number | string | null;
  readonly log_index: number | string | null;
}

function rowsOf(
  versions: readonly FoundVersion[],
  emptyPackages: readonly { name: string }[],
  strays: readonly { count: number | string }[],
): Rows {
  return {
    versions: versions.map(({ name, version, sha256, size, contents, log_index }) => ({
      name: name ?? "(no package)",
      version,
      sha256,
      size: Number(size),
      hasContents: contents !== null,
      logIndex: log_index === null ? null : Number(log_index),
    })),
    emptyPackages: emptyPackages.map(({ name }) => name),
    strayContents: Number(strays[0]?.count ?? 0),
  };
}

function readSqlite(path: string): Rows {
  const database = new Database(path, { readonly: true });
  try {
    const damage = database.query<{ integrity_check: string }, []>("PRAGMA integrity_check").all();
    if (damage[0]?.integrity_check !== "ok") throw new Error(`SQLite is damaged: ${JSON.stringify(damage)}`);
    return rowsOf(
      database.query<FoundVersion, []>(VERSIONS).all(),
      database.query<{ name: string }, []>(EMPTY_PACKAGES).all(),
      database.query<{ count: number }, []>(STRAY_CONTENTS).all(),
    );
  } finally {
    database.close();
  }
}

async function readPostgres(url: string): Promise<Rows> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 10 });
  try {
    return rowsOf(
      await sql.unsafe<FoundVersion[]>(VERSIONS),
      await sql.unsafe<{ name: string }[]>(EMPTY_PACKAGES),
      await sql.unsafe<{ count: string }[]>(STRAY_CONTENTS),
    );
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Reads the database directly. Throws if SQLite finds its own file damaged. */
export async function readRows({ dataDir }: Pick<ServerProcess, "dataDir">, databaseUrl?: string): Promise<Rows> {
  return databaseUrl === undefined ? readSqlite(join(dataDir, "registry.db")) : readPostgres(databaseUrl);
}
