import { eq, sql } from "drizzle-orm";
import type { Database } from "../db/database.ts";
import { errorFields, type Logger } from "../ops/logger.ts";

const FLUSH_INTERVAL_MS = 5_000;

/** Which version was downloaded, by the ids of its rows. */
export interface DownloadedVersion {
  readonly versionId: number;
  readonly packageId: number;
}

/**
 * Counts downloads in memory and adds them to the database every few seconds, so that a download costs no write.
 * `close` writes the rest; a crash loses at most the last interval.
 */
export interface DownloadCounter {
  count(version: DownloadedVersion): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a counter that writes to `db`. */
export function createDownloadCounter(db: Database, logger: Logger): DownloadCounter {
  let waiting = new Map<number, { packageId: number; downloads: number }>();

  const add = (versionId: number, packageId: number, downloads: number) => {
    const known = waiting.get(versionId);
    if (known === undefined) waiting.set(versionId, { packageId, downloads });
    else known.downloads += downloads;
  };

  const flush = async () => {
    if (waiting.size === 0) return;
    // In the order of ids, so that two replicas that flush at once lock rows in the same order.
    const batch = [...waiting].sort(([a], [b]) => a - b);
    waiting = new Map();
    try {
      await db.write(async ({ query, tables: { versions, packages } }) => {
        for (const [versionId, { packageId, downloads }] of batch) {
          const more = (column: typeof versions.downloads | typeof packages.downloads) => sql`${column} + ${downloads}`;
          await query
            .update(packages)
            .set({ downloads: more(packages.downloads) })
            .where(eq(packages.id, packageId));
          await query
            .update(versions)
            .set({ downloads: more(versions.downloads) })
            .where(eq(versions.id, versionId));
        }
      });
    } catch (cause) {
      // Counted again with the next flush; if the commit did happen, these few count twice, which is no promise broken.
      for (const [versionId, { packageId, downloads }] of batch) add(versionId, packageId, downloads);
      logger.warn("downloads_not_flushed", errorFields(cause));
    }
  };

  const timer = setInterval(flush, FLUSH_INTERVAL_MS);
  timer.unref();
  return {
    count: ({ versionId, packageId }) => add(versionId, packageId, 1),
    flush,
    close: async () => {
      clearInterval(timer);
      await flush();
    },
  };
}
