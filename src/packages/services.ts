import type { DownloadCounter } from "./download-counter.ts";
import type { KnownDownloads } from "./known-downloads.ts";

/** What this feature keeps in memory for the life of a process. */
export interface PackageServices {
  readonly downloads: DownloadCounter;
  readonly knownDownloads: KnownDownloads;
}
