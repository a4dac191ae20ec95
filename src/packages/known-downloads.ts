import type { KnownBlob } from "../blobs/store.ts";
import type { Deps } from "../deps.ts";
import type { DownloadedVersion } from "./download-counter.ts";

/** The archive of a version, by what the database knows of it. */
export interface Download extends KnownBlob {
  readonly name: string;
  readonly version: string;
  readonly counted: DownloadedVersion;
}

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
}

interface Known {
  readonly download: Download;
  readonly untilMs: number;
}

/** Makes a memory that knows nothing yet. */
export function createKnownDownloads(changes: Deps["db"]["changes"]): KnownDownloads {
  const packages = new Map<string, Map<string, Known>>();
  let size = 0;
  const forget = (name: string) => {
    size -= packages.get(name)?.size ?? 0;
    packages.delete(name);
  };
  changes.listen((changed) => {
    for (const name of changed === "any" ? [...packages.keys()] : changed) forget(name);
  });
  const remember = (name: string, version: string, known: Known) => {
    if (size >= KNOWN_MAX)
      for (const oldest of [...packages.keys()].slice(0, Math.ceil(packages.size / 2))) forget(oldest);
    const versions = packages.get(name) ?? new Map<string, Known>();
    size += versions.has(version) ? 0 : 1;
    packages.set(name, versions.set(version, known));
  };
  return {
    async find(name, version, load) {
      const nowMs = performance.now();
      const remembered = packages.get(name)?.get(version);
      if (remembered !== undefined && nowMs < remembered.untilMs) return remembered.download;
      const before = changes.times;
      const download = await load();
      // What was loaded before something was forgotten may be what was to be forgotten.
      if (before === changes.times) remember(name, version, { download, untilMs: nowMs + LIFE_MS });
      return download;
    },
  };
}
