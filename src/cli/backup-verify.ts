import { resolve } from "node:path";
import { type BackupProblem, type VerifiedBackup, verifyBackup } from "../backup/verify-backup.ts";
import { counted } from "../runtime/counted.ts";
import { print, printJson } from "../runtime/print.ts";
import { durationText } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, tableText } from "./table.ts";

/** Options and arguments of `backup verify`. */
export interface BackupVerifyArguments {
  readonly directory: string;
  readonly snapshot: string | undefined;
  readonly json: boolean;
}

/** Checks a backup and prints what is wrong. Returns 1 if anything is. */
export async function backupVerify({ directory, snapshot, json }: BackupVerifyArguments): Promise<number> {
  const startedMs = performance.now();
  const bar = progressBar("backup verify", json);
  try {
    const result = await verifyBackup(resolve(directory), snapshot, bar.report);
    bar.end();
    if (json) printJson(documentOf(result));
    else print(reportOf(result, durationText(performance.now() - startedMs)));
    return result.problems.count > 0 ? 1 : 0;
  } finally {
    bar.end();
  }
}

function viewOf({ snapshot, isKnown, detail, archive }: BackupProblem) {
  return {
    snapshot: snapshot ?? null,
    detail,
    sinceBackup: !isKnown,
    ...(archive === undefined ? {} : { package: archive.package, version: archive.version, sha256: archive.sha256 }),
  };
}

function documentOf({ snapshots, cut, archives, problems }: VerifiedBackup) {
  return { snapshots, interrupted: cut, archives, problems: problems.items.map(viewOf), problemCount: problems.count };
}

function rowOf({ snapshot = "", isKnown, detail, archive }: BackupProblem): string[] {
  const shown = isKnown ? `${detail}; it was so when the backup was made` : detail;
  return [snapshot, archive?.package ?? "", archive?.version ?? "", archive?.sha256.slice(0, 16) ?? "", shown];
}

function reportOf({ snapshots, cut, archives, problems }: VerifiedBackup, elapsed: string): string {
  const lines: string[] = [];
  if (problems.count > 0) {
    lines.push(tableText([["SNAPSHOT", "PACKAGE", "VERSION", "DIGEST", "DETAIL"], ...problems.items.map(rowOf)]));
    const more = problems.count - problems.items.length;
    if (more > 0) lines.push(`and ${counted(more, "more problem")}`);
    lines.push("");
  }
  const what = `${counted(snapshots.length, "snapshot")} and ${counted(archives.count, "archive")} (${bytesText(archives.bytes)})`;
  const found = problems.count === 0 ? "no problems" : counted(problems.count, "problem");
  lines.push(`Checked ${what} in ${elapsed}: ${found}.`);
  if (cut.length > 0) lines.push(`Interrupted backups, which the next one removes: ${cut.join(", ")}.`);
  return lines.join("\n");
}
