import type { DownloadCounter } from "./download-counter.ts";

/** What this feature holds in memory for the life of a process. */
export interface PackageServices {
  readonly downloads: DownloadCounter;
}
