import { cutMarkRuns } from "./mark-runs.ts";

/**
 * Folds a user name or e-mail address, which compare without case. Control characters, which
 * Postgres refuses in text, are replaced so that they match nothing.
 */
export function foldIdentity(text: string): string {
  return cutMarkRuns(text)
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/\p{Cc}/gu, "\u{fffd}");
}
