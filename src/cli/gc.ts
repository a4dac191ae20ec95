import type { Deps } from "../deps.ts";
import { lagBehindLog } from "../log/behind-log.ts";
import { collectGarbage, type GcResult } from "../maintenance/collect-garbage.ts";
import { counted } from "../runtime/counted.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { openOfflineWithBlobs } from "../start/open-offline.ts";
import { durationText, parseDuration } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, listText } from "./table.ts";

/** Options of `gc`. */
export interface GcArguments {
  readonly config: string | undefined;
  readonly grace: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/**
 * Removes unreferenced archives and old temporary files, and prints how many. Returns 1 if
 * something could not be removed or a signal stopped it. Throws `UsageError` if `grace` is not a
 * time.
 */
export async function gc({ config, grace, dryRun, json }: GcArguments): Promise<number> {
  const graceMs = parseDuration("--grace", grace);
  const deps = await openOfflineWithBlobs(readOfflineConfig(config, "signs nothing"));
  const bar = progressBar("gc", json);
  let isStopped = false;
  // Stop between batches only: a mark that is left behind would block a publish of the same bytes.
  const stop = () => {
    isStopped = true;
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  try {
    await requireWholeDatabase(deps);
    const options = { graceMs, dryRun, report: bar.report, isStopped: () => isStopped };
    const result = await collectGarbage(deps, options);
    bar.end();
    if (json) printJson(documentOf(result, dryRun));
    else print(summaryOf(result, dryRun, graceMs));
    return result.failures.count > 0 || result.isStopped ? 1 : 0;
  } finally {
    bar.end();
    await deps.close();
  }
}

/**
 * Throws `OperatorError` if the database is older than the log, or of no registry yet: archives that it
 * does not name may be those of versions that `log recover` or a backup brings back.
 */
async function requireWholeDatabase(deps: Pick<Deps, "db" | "blobs">): Promise<void> {
  const lag = await lagBehindLog(deps);
  if (lag !== undefined) throw new OperatorError(lag);
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
    lines.push(`${dryRun ? "Would finish" : "Finished"} ${what} that a killed gc had begun.`);
  }
  const refusals = failures.items.map(({ name, reason }) => `${name}: ${reason}`);
  lines.push(...listText(`Could not be removed (${failures.count}):`, refusals, failures.count));
  if (unknown > 0) {
    lines.push(
      `The storage did not say whether ${counted(unknown, "archive")} of these ${unknown === 1 ? "is" : "are"} gone. Run gc again in 10 minutes.`,
    );
  }
  const head = `Left alone, because their names are not those of archives (${foreign.count}):`;
  lines.push(...listText(head, foreign.items, foreign.count));
  if (isStopped) lines.push("Stopped before the end. Run gc again to continue.");
  return lines.join("\n");
}
