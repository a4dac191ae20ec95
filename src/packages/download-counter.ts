import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import { errorFields, type Logger } from "../runtime/logger.ts";
import { addSearchDownloads } from "../search/searchable.ts";
import { CountedDownloads } from "./counted-downloads.ts";

const FLUSH_INTERVAL_MS = 5_000;
/**
 * When the process ends there is no next flush, and another process may hold the database for a
 * moment.
 */
const LAST_FLUSHES = 3;
const LAST_FLUSH_PAUSE_MS = 500;
/** Versions in one transaction: few enough for any deadline. */
const CHUNK_VERSIONS = 500;

/** A version that was downloaded, by the ids of its rows, and the name of its package. */
export interface DownloadedVersion {
  readonly name: string;
  readonly versionId: number;
  readonly packageId: number;
}

/**
 * Counts downloads in memory and adds them to the database every few seconds, so that a download
 * costs no write. `close` writes the rest. If the database does not take them after several tries,
 * it logs how many were lost. A crash loses at most the last interval.
 *
 * A version counts once per client network and hour, so that nobody makes a package popular by
 * repeating a request. Each process remembers its own downloads: several may count one each, and a
 * restart forgets them.
 */
export interface DownloadCounter {
  /**
   * Counts a download by the client at `address`. Returns false if it counted in this hour already.
   */
  count(version: DownloadedVersion, address: string | null): boolean;
  /** Takes back a download for which `count` returned true and that then did not complete. */
  takeBack(version: DownloadedVersion, address: string | null): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface CountedDownload extends DownloadedVersion {
  readonly downloads: number;
}

/**
 * Makes a table (column1, column2) of rows `(id, downloads)`, in one parameter. The text is the
 * same for any number of rows. Otherwise SQLite would cache another statement for each number, and
 * one of some hundred rows is large.
 */
function increments(kind: Database["kind"], rows: Iterable<readonly [id: number, downloads: number]>): SQL {
  const pairs = JSON.stringify([...rows]);
  return kind === "sqlite"
    ? sql`(SELECT value ->> 0 AS column1, value ->> 1 AS column2 FROM json_each(${pairs})) AS more`
    : sql`(SELECT CAST(pair ->> 0 AS bigint) AS column1, CAST(pair ->> 1 AS bigint) AS column2
        FROM jsonb_array_elements(CAST(CAST(${pairs} AS text) AS jsonb)) AS pair) AS more`;
}

/**
 * Adds one chunk with a statement per table, so that a slow network costs two waits and not two for
 * each version.
 */
async function addToDatabase(db: Database, chunk: readonly CountedDownload[]): Promise<void> {
  const byPackage = new Map<number, number>();
  for (const { packageId, downloads } of chunk) byPackage.set(packageId, (byPackage.get(packageId) ?? 0) + downloads);
  const byVersion = chunk.map(({ versionId, downloads }) => [versionId, downloads] as const);
  await db.write(async (session) => {
    for (const { name } of chunk) session.invalidate(name);
    // An update of many rows locks them in any order, and another server that counts the same
    // packages in another order. Without this, the two could wait for each other.
    if (db.kind === "postgres") {
      const counted = sql`SELECT more.column1 FROM ${increments(db.kind, byPackage)}`;
      await session.rows(sql`SELECT id FROM packages WHERE id IN (${counted}) ORDER BY id FOR NO KEY UPDATE`);
    }
    for (const [table, rows] of [
      [sql`packages`, byPackage],
      [sql`versions`, byVersion],
    ] as const) {
      await session.rows(
        sql`UPDATE ${table} SET downloads = downloads + more.column2 FROM ${increments(db.kind, rows)} WHERE id = more.column1`,
      );
    }
    await addSearchDownloads(session, db.kind, increments(db.kind, byPackage));
  });
}

/**
 * Starts a counter that writes to `db`. While `isPaused` returns true, it counts on in memory and
 * writes nothing, also at its end.
 */
export function createDownloadCounter(
  db: Database,
  logger: Logger,
  clock: () => Date,
  isPaused: () => boolean = () => false,
): DownloadCounter {
  const recent = new CountedDownloads(clock);
  let waiting = new Map<number, CountedDownload>();
  let flushing = Promise.resolve();

  const add = (counted: CountedDownload) => {
    const downloads = (waiting.get(counted.versionId)?.downloads ?? 0) + counted.downloads;
    waiting.set(counted.versionId, { ...counted, downloads });
  };

  const flushOnce = async () => {
    if (isPaused()) return;
    const batch = [...waiting.values()];
    waiting = new Map();
    for (let at = 0; at < batch.length; at += CHUNK_VERSIONS) {
      try {
        await addToDatabase(db, batch.slice(at, at + CHUNK_VERSIONS));
      } catch (cause) {
        // The chunk is counted again with the next flush. If the commit did happen, it counts
        // twice, which breaks no promise.
        for (const counted of batch.slice(at)) add(counted);
        logger.warn("downloads_not_flushed", errorFields(cause));
        return;
      }
    }
  };

  // One flush after the other: a flush that takes longer than the interval must not overlap the
  // next.
  const flush = () => {
    flushing = flushing.then(flushOnce);
    return flushing;
  };

  const timer = setInterval(flush, FLUSH_INTERVAL_MS);
  timer.unref();
  return {
    count: (version, address) => {
      const isFirst = recent.add(version.versionId, address);
      if (isFirst) add({ ...version, downloads: 1 });
      return isFirst;
    },
    takeBack: (version, address) => {
      recent.forget(version.versionId, address);
      add({ ...version, downloads: -1 });
    },
    flush,
    close: async () => {
      clearInterval(timer);
      await flush();
      for (let tries = 1; waiting.size > 0 && tries < LAST_FLUSHES && !isPaused(); tries += 1) {
        await Bun.sleep(LAST_FLUSH_PAUSE_MS);
        await flush();
      }
      if (waiting.size === 0) return;
      const downloads = waiting.values().reduce((sum, counted) => sum + counted.downloads, 0);
      logger.error("downloads_lost", { downloads });
    },
  };
}
