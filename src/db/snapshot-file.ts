import { Database as BunDatabase, type SQLQueryBindings } from "bun:sqlite";
import { EVENT_ID_GAP } from "./event-id-gap.ts";

/** A migration as the ledger of a database has it. */
export interface AppliedMigration {
  readonly name: string;
  readonly hash: string;
}

/** The state of the log in a snapshot. `origins` are all names that the log ever had. */
export interface SnapshotLog {
  readonly origin: string;
  readonly vkey: string;
  readonly size: number;
  readonly root: string;
  readonly checkpoint: string;
  readonly origins: readonly string[];
}

/** What a snapshot holds. `log` is undefined before the first start of a registry. */
export interface SnapshotFacts {
  readonly packages: number;
  readonly versions: number;
  readonly migrations: readonly AppliedMigration[];
  readonly log: SnapshotLog | undefined;
}

/** An archive that versions of a snapshot refer to, and one of these versions. */
export interface NamedArchive {
  readonly sha256: string;
  readonly size: number;
  readonly package: string;
  readonly version: string;
}

const PAGE = 500;

/**
 * A version that was taken down has no archive any more. Databases from before takedowns have no
 * such rows.
 */
const NOT_REMOVED = `NOT EXISTS (SELECT 1 FROM package_statuses AS s WHERE s.package_id = v.package_id
  AND s.version IN (v.version, '*') AND s.action = 'remove')`;

/**
 * A registry's database as a SQLite file that nobody writes to. It is opened for reading only, and
 * nothing is created beside it.
 */
export class SnapshotFile {
  readonly #client: BunDatabase;

  constructor(readonly path: string) {
    this.#client = new BunDatabase(path, { readonly: true });
  }

  #rows<Row>(text: string, ...params: SQLQueryBindings[]): Row[] {
    return this.#client.query<Row, SQLQueryBindings[]>(text).all(...params);
  }

  #has(table: string): boolean {
    return this.#rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", table).length > 0;
  }

  #count(table: string): number {
    return this.#rows<{ found: number }>(`SELECT count(*) AS found FROM "${table}"`)[0]?.found ?? 0;
  }

  /** Reads what the snapshot holds. Throws if it is no database of a registry. */
  facts(): SnapshotFacts {
    const migrations = this.#rows<AppliedMigration>("SELECT name, hash FROM schema_migrations ORDER BY name");
    return { packages: this.#count("packages"), versions: this.#count("versions"), migrations, log: this.#log() };
  }

  #log(): SnapshotLog | undefined {
    if (!this.#has("log_state")) return undefined;
    const text = "SELECT origin, vkey, size, root, checkpoint FROM log_state";
    const [state] = this.#rows<Omit<SnapshotLog, "origins">>(text);
    if (state === undefined) return undefined;
    const changes = this.#has("log_changes")
      ? this.#rows<{ checkpoint: string }>("SELECT checkpoint FROM log_changes")
      : [];
    const earlier = changes.map(({ checkpoint }) => checkpoint.split("\n", 1)[0] ?? "");
    return { ...state, origins: [...new Set([state.origin, ...earlier])] };
  }

  /** Yields every archive that a version needs, in the order of the digests. */
  *archives(): Generator<NamedArchive> {
    const condition = this.#has("package_statuses") ? `AND ${NOT_REMOVED}` : "";
    const text = `SELECT v.sha256 AS sha256, v.size AS size, p.name AS package, min(v.version) AS version
      FROM versions AS v JOIN packages AS p ON p.id = v.package_id
      WHERE v.sha256 > ? ${condition} GROUP BY v.sha256 ORDER BY v.sha256 LIMIT ${PAGE}`;
    for (let last = ""; ; ) {
      const page = this.#rows<NamedArchive>(text, last);
      yield* page;
      if (page.length < PAGE) return;
      last = page.at(-1)?.sha256 ?? "";
    }
  }

  /** Reads a tile of the log. Undefined if it is not stored. */
  tile(level: number, index: number): Uint8Array | undefined {
    const text = "SELECT data FROM log_tiles WHERE level = ? AND idx = ?";
    return this.#rows<{ data: Uint8Array }>(text, level, index)[0]?.data;
  }

  /** Reads the leaves of the last bundle, from the leaf with the index `first` on. */
  leavesFrom(first: number): string[] {
    const rows = this.#rows<{ leaf: string }>("SELECT leaf FROM log_leaves WHERE idx >= ? ORDER BY idx", first);
    return rows.map(({ leaf }) => leaf);
  }

  close(): void {
    this.#client.close();
  }
}

/**
 * Writes one state of a SQLite database into a new file, while a server uses the database. The file
 * is not synced.
 */
export function snapshotSqlite(path: string, target: string): void {
  withFile(path, (client) => {
    client.run("PRAGMA busy_timeout = 5000");
    client.prepare("VACUUM INTO ?").run(target);
  });
}

/** Lets the ids of events go on after a gap, in a file that nobody else has open. */
export function leaveGapInEventIds(path: string): void {
  withFile(path, (client) =>
    client.query("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'events'").run(EVENT_ID_GAP),
  );
}

/**
 * Removes triggers and views from a copy of a snapshot. A registry has none: somebody else made
 * them, and they would go on to change what the registry writes.
 */
export function dropForeignObjects(path: string): void {
  withFile(path, (client) => {
    const text = "SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'view') ORDER BY type";
    for (const { type, name } of client.query<{ type: string; name: string }, []>(text).all())
      client.run(`DROP ${type} IF EXISTS "${name.replaceAll('"', '""')}"`);
  });
}

function withFile(path: string, work: (client: BunDatabase) => unknown): void {
  const client = new BunDatabase(path, { readwrite: true });
  try {
    work(client);
  } finally {
    client.close();
  }
}
