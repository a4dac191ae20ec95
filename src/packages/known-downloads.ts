import type { Download } from "./download.ts";

/** Some megabytes of memory, and more than most registries have versions that are asked for again and again. */
const KNOWN_MAX = 10_000;

/** How long another process may hold a version back without this one noticing. */
const LIFE_MS = 1_000;

/**
 * What was found of versions that are downloaded, for a second each: an archive is the same for ever, but an
 * administrator may hold it back. One for the whole process, which forgets at once what it holds back itself.
 */
export interface KnownDownloads {
  /** What is known of a version, or what `load` finds, which is remembered. Throws what `load` throws. */
  find(name: string, version: string, load: () => Promise<Download>): Promise<Download>;
  /** Forgets all versions of a package: the next download of each asks the database. */
  forget(name: string): void;
}

/** Makes a memory that knows nothing yet. */
export function createKnownDownloads(): KnownDownloads {
  const known = new Map<string, { readonly download: Download; readonly untilMs: number }>();
  let timesForgotten = 0;
  return {
    async find(name, version, load) {
      const key = `${name} ${version}`;
      const nowMs = performance.now();
      const remembered = known.get(key);
      if (remembered !== undefined && nowMs < remembered.untilMs) return remembered.download;
      const before = timesForgotten;
      const download = await load();
      // What was loaded before something was forgotten may be what was to be forgotten.
      if (before !== timesForgotten) return download;
      if (known.size >= KNOWN_MAX) known.clear();
      known.set(key, { download, untilMs: nowMs + LIFE_MS });
      return download;
    },
    forget(name) {
      timesForgotten += 1;
      for (const key of known.keys()) if (key.startsWith(`${name} `)) known.delete(key);
    },
  };
}
