import type { Config } from "../config/config.ts";
import type { Deps } from "../deps.ts";
import { readState } from "../log/log-rows.ts";
import { RecentLeaves } from "../log/recent-leaves.ts";
import { settledWrites } from "../log/settled-writes.ts";
import type { TransparencyLog } from "../log/transparency-log.ts";
import { armFailpoints, type Failpoints } from "../runtime/failpoints.ts";
import { readOfflineConfig } from "./data-owner.ts";
import {
  type IfMoved,
  type OfflineDeps,
  openLogger,
  openOffline,
  openOfflineLog,
  openOfflineWithBlobs,
} from "./open-offline.ts";
import { systemClock } from "./system-clock.ts";

/**
 * Opens the configured database, which a server may use at the same time, and closes it after
 * `work`.
 */
export async function runOffline<T>(
  configFile: string | undefined,
  work: (deps: OfflineDeps & { readonly config: Config }) => Promise<T>,
  ifMoved: IfMoved = "refuse",
): Promise<T> {
  const config = readOfflineConfig(configFile, "signs nothing");
  const deps = await openOffline(config, systemClock, ifMoved);
  try {
    return await work({ ...deps, config });
  } finally {
    await deps.close();
  }
}

/** What an offline command needs that may append to the log. */
export type OfflineLogDeps = OfflineDeps &
  Pick<Deps, "blobs"> & {
    readonly config: Config;
    readonly log: TransparencyLog;
    readonly failpoints: Failpoints;
  };

/**
 * Like `runOffline`, for changes of which the log gets a leaf. A write returns when its leaves lie
 * beside the archives too, as in a server: so `log recover` brings back what a command has done.
 */
export async function runOfflineOnLog<T>(
  configFile: string | undefined,
  work: (deps: OfflineLogDeps) => Promise<T>,
): Promise<T> {
  const config = readOfflineConfig(configFile);
  const opened = await openOfflineWithBlobs(config);
  try {
    const log = await openOfflineLog({ ...opened, config });
    const failpoints = armFailpoints(config.failpoints);
    const parts = { ...opened, logger: openLogger(config.logLevel), failpoints };
    // Earlier leaves were stored by the process that appended them.
    const recent = new RecentLeaves(parts, (await opened.db.read(readState)).size);
    return await work({ ...opened, db: settledWrites(opened.db, log, recent), config, log, failpoints });
  } finally {
    await opened.close();
  }
}
