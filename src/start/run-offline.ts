import type { Config } from "../config/config.ts";
import { readOfflineConfig } from "./data-owner.ts";
import { type OfflineDeps, openOffline } from "./open-offline.ts";

/**
 * Opens the configured database, which a server may use at the same time, and closes it after
 * `work`.
 */
export async function runOffline<T>(
  configFile: string | undefined,
  work: (deps: OfflineDeps & { readonly config: Config }) => Promise<T>,
): Promise<T> {
  const config = readOfflineConfig(configFile);
  const deps = await openOffline(config);
  try {
    return await work({ ...deps, config });
  } finally {
    await deps.close();
  }
}
