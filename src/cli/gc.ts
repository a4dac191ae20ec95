import { readConfig } from "../config/config.ts";
import { collectGarbage, type GcResult } from "../maintenance/collect-garbage.ts";
import { openOfflineWithBlobs } from "../start/open-offline.ts";
import { durationText, parseDuration } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, counted, listText } from "./table.ts";

const GRACE_DEFAULT = "24h";

/** How `gc` was called. */
export interface GcArguments {
  readonly config: string | undefined;
  readonly grace: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * Removes what nothing refers to and prints what that was. Exit code 1: something could not be removed. Throws
 * `UsageError` for a grace that is no time.
 */
export async function gc({ config, grace = GRACE_DEFAULT, dryRun, json }: GcArguments): Promise<number> {
  const graceMs = parseDuration("--grace", grace);
  const deps = await openOfflineWithBlobs(readConfig(config));
  const bar = progressBar("gc", json);
  let isStopped = false;
  // Between batches: a mark that is left behind would hold up who publishes these very bytes.
  const stop = () => {
    isStopped = true;
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  try {
    const options = { graceMs, dryRun, report: bar.report, isStopped: () => isStopped };
    const result = await collectGarbage(deps, options);
    bar.end();
    console.log(json ? JSON.stringify(documentOf(result, dryRun)) : summaryOf(result, dryRun, graceMs));
    return result.failures.count > 0 || result.isStopped ? 1 : 0;
  } finally {
    bar.end();
    await deps.close();
  }
}

function documentOf({ failures, foreign, isStopped, ...result }: GcResult, dryRun: boolean) {
  return {
    dryRun,
    ...result,
    failures: failures.items,
    failureCount: failures.count,
    foreign: foreign.items,
    foreignCount: foreign.count,
    stopped: isStopped,
  };
}

function summaryOf(result: GcResult, dryRun: boolean, graceMs: number): string {
  const { removed, temporary, young, finished, unknown, failures, foreign, isStopped } = result;
  const archives = `${counted(removed.count, "archive")} that no version refers to (${bytesText(removed.bytes)})`;
  const files = `${counted(temporary.count, "temporary file")} (${bytesText(temporary.bytes)})`;
  const lines = [`${dryRun ? "Would remove" : "Removed"} ${archives} and ${files}.`];
  if (young.count > 0) {
    const which = `unreferenced ${young.count === 1 ? "archive" : "archives"} younger than ${durationText(graceMs)}`;
    lines.push(`Kept ${young.count} ${which} (${bytesText(young.bytes)}).`);
  }
  if (finished > 0) {
    const what = counted(finished, "removal");
    lines.push(`${dryRun ? "Would finish" : "Finished"} ${what} of a gc that was killed.`);
  }
  const refusals = failures.items.map(({ name, reason }) => `${name}: ${reason}`);
  lines.push(...listText(`Could not remove ${failures.count}:`, refusals, failures.count));
  if (unknown > 0) {
    lines.push(
      `Of these it is not known whether ${counted(unknown, "archive is", "archives are")} gone: run gc again in 10 minutes.`,
    );
  }
  const head = `No archives by their names, and so left alone (${foreign.count}):`;
  lines.push(...listText(head, foreign.items, foreign.count));
  if (isStopped) lines.push("Stopped before the end: run gc again.");
  return lines.join("\n");
}
