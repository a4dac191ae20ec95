import type { StorageConfig } from "../config/storage.ts";
import { checkIntegrity, type Integrity } from "../db/integrity.ts";
import { Failure } from "../errors.ts";
import { compareWithLog, type LogComparison, notComparedText } from "../log/behind-log.ts";
import { checkStore, type FsckResult, type Problem } from "../maintenance/check-store.ts";
import type { Holdings } from "../metrics/registry-totals.ts";
import { counted } from "../runtime/counted.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { openOfflineWithBlobs } from "../start/open-offline.ts";
import { durationText } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, listText, tableText } from "./table.ts";

const REPAIRS = {
  set_aside: "set aside; publish the same archive again to restore it",
  rebuilt: "repaired",
  healed: "published again in the meantime",
  failed: "could not be repaired",
} as const;

/** Options of `fsck`. */
export interface FsckArguments {
  readonly config: string | undefined;
  readonly repair: boolean;
  readonly json: boolean;
}

/**
 * Checks every version and archive and prints the problems. Returns 1 if problems remain that were
 * not repaired.
 */
export async function fsck({ config, repair, json }: FsckArguments): Promise<number> {
  const startedMs = performance.now();
  const read = readOfflineConfig(config, "signs nothing");
  const deps = await openOfflineWithBlobs(read);
  const bar = progressBar("fsck", json);
  try {
    const integrity = await checkIntegrity(read.database);
    const log = await compareWithLog(deps);
    const result = await checkReadable(checkStore(deps, { repair, report: bar.report }), integrity);
    bar.end();
    const elapsed = durationText(performance.now() - startedMs);
    const isDamaged = integrity.problems.length > 0 || log.behind !== undefined || log.notCompared !== undefined;
    if (json) printJson({ ...(result === undefined ? {} : documentOf(result)), database: integrity, log });
    else {
      for (const line of [...integrityLines(integrity), ...logLines(log)]) print(line);
      if (result !== undefined) print(reportOf(result, elapsed, read.storage.kind));
    }
    return isDamaged || result === undefined || remains(result) ? 1 : 0;
  } finally {
    bar.end();
    await deps.close();
  }
}

/** Returns whether there are problems that were not repaired. */
function remains({ problems, repaired, totals }: FsckResult): boolean {
  return problems.count > repaired || (typeof totals === "object" && !totals.repaired);
}

/** Undefined if the database is so damaged that the archives cannot be compared with it. */
async function checkReadable(checking: Promise<FsckResult>, { problems }: Integrity): Promise<FsckResult | undefined> {
  try {
    return await checking;
  } catch (cause) {
    const isDamage = cause instanceof Failure && cause.error.code === "database_corrupt";
    if (!isDamage || problems.length === 0) throw cause;
    return undefined;
  }
}

function integrityLines({ problems, unchecked }: Integrity): string[] {
  const note = unchecked === undefined ? [] : [unchecked];
  if (problems.length === 0) return note;
  const advice = "Stop the registry, keep a copy of the damaged database, and restore the newest backup.";
  return [...note, ...listText("The database is damaged:", problems), advice, ""];
}

function logLines({ behind, notCompared }: LogComparison): string[] {
  if (behind !== undefined) return [`${behind.charAt(0).toUpperCase()}${behind.slice(1)}`, ""];
  if (notCompared === undefined) return [];
  return [notComparedText(notCompared), ""];
}

function documentOf({ checked, problems, orphans, foreign, repaired, setAside, totals }: FsckResult) {
  return {
    checked: checked.count,
    bytes: checked.bytes,
    problems: problems.items,
    problemCount: problems.count,
    orphans,
    foreign: foreign.items,
    foreignCount: foreign.count,
    repaired,
    setAside,
    totals,
  };
}

function rowOf({ problem, package: name, version, sha256, detail, repair }: Problem): string[] {
  const shown = repair === undefined ? detail : `${detail}; ${REPAIRS[repair]}`;
  return [problem, name, version, sha256, shown];
}

const holdingsText = ({ packages, versions, storageBytes }: Holdings) =>
  `${counted(packages, "package")}, ${counted(versions, "version")} and ${counted(storageBytes, "byte")}`;

function totalsLines({ totals }: FsckResult): string[] {
  if (totals === "right") return [];
  if (totals === "unknown")
    return ["The database was too slow to count packages and versions, so the metrics were not checked."];
  const { kept, counted: held, repaired } = totals;
  const wrong = `The metrics ${repaired ? "said" : "say"} that there are ${holdingsText(kept)}.`;
  const advice = repaired ? "The metrics say so now." : "To correct the metrics: cpm-registry fsck --repair";
  return [`${wrong} There are ${holdingsText(held)}. ${advice}`];
}

/** The command that fetches lost archives from a backup. It leaves damaged ones where they are. */
function backupLines({ problems }: FsckResult, storage: StorageConfig["kind"]): string[] {
  const has = (...kinds: readonly Problem["problem"][]) =>
    problems.items.some(({ problem }) => kinds.includes(problem));
  const isDamaged = has("blob_corrupt", "blob_unreadable");
  if (!isDamaged && !has("blob_missing")) return [];
  const first = isDamaged ? "Set damaged archives aside with cpm-registry fsck --repair. " : "";
  const to = storage === "s3" ? "S3" : "FileSystem";
  return [
    `${first}To bring archives back from a backup: cpm-registry storage copy --from file:<backup>/archives --to ${to}`,
  ];
}

function reportOf(result: FsckResult, elapsed: string, storage: StorageConfig["kind"]): string {
  const { checked, problems, orphans, foreign, repaired, setAside } = result;
  const lines: string[] = [];
  if (problems.count > 0) {
    lines.push(tableText([["PROBLEM", "PACKAGE", "VERSION", "DIGEST", "DETAIL"], ...problems.items.map(rowOf)]));
    const more = problems.count - problems.items.length;
    if (more > 0) lines.push(`and ${counted(more, "more problem")}`);
    lines.push("");
  }
  const what = `${counted(checked.count, "version")} (${bytesText(checked.bytes)})`;
  const found = problems.count === 0 ? "no problems" : counted(problems.count, "problem");
  const done = repaired > 0 ? `, ${repaired} of them repaired` : "";
  lines.push(`Checked ${what} in ${elapsed}: ${found}${done}.`);
  lines.push(...totalsLines(result), ...backupLines(result, storage));
  if (setAside > 0) {
    const moved = `${counted(setAside, "damaged archive was", "damaged archives were")} moved to corrupt/`;
    lines.push(`${moved}. Publish the same archive again to restore it.`);
  }
  if (orphans.count > 0) {
    const stored = `${counted(orphans.count, "archive")} (${bytesText(orphans.bytes)})`;
    lines.push(`No version refers to ${stored}. To remove those that are old enough: cpm-registry gc`);
  }
  const head = `Files that are not archives, judging by their names (${foreign.count}):`;
  lines.push(...listText(head, foreign.items, foreign.count));
  return lines.join("\n");
}
