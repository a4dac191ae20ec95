import { resolve } from "node:path";
import { listSnapshots, requireBackup } from "../backup/layout.ts";
import { type Manifest, readManifest } from "../backup/manifest.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print, printJson } from "../runtime/print.ts";
import { bytesText, tableText } from "./table.ts";

/** A snapshot, or why it cannot be read. */
type Listed =
  | { readonly id: string; readonly manifest: Manifest }
  | { readonly id: string; readonly manifest: undefined; readonly fault: string };

/** Prints the snapshots of a backup. Returns 1 if one cannot be read. Throws `OperatorError`. */
export function backupList(directory: string, json: boolean): number {
  const backup = resolve(directory);
  requireBackup(backup);
  const listed = listSnapshots(backup).whole.map((id) => read(backup, id));
  if (json) printJson({ snapshots: listed.map(viewOf) });
  else print(tableText([["SNAPSHOT", "PACKAGES", "VERSIONS", "LEAVES", "ARCHIVES", "NOTE"], ...listed.map(rowOf)]));
  return listed.every(({ manifest }) => manifest !== undefined) ? 0 : 1;
}

function read(backup: string, id: string): Listed {
  try {
    return { id, manifest: readManifest(backup, id) };
  } catch (cause) {
    if (!(cause instanceof OperatorError)) throw cause;
    return { id, manifest: undefined, fault: cause.message };
  }
}

function viewOf(listed: Listed) {
  if (listed.manifest === undefined) return { snapshot: listed.id, fault: listed.fault };
  const { createdAt, program, source, database, log, archives, keys } = listed.manifest;
  return {
    snapshot: listed.id,
    createdAt,
    program,
    source,
    packages: database.packages,
    versions: database.versions,
    logSize: log?.size ?? null,
    archives: { count: archives.count, bytes: archives.bytes },
    lacking: archives.lacking.length,
    problems: database.problems.length,
    keys: keys.map(({ name }) => name),
  };
}

function rowOf(listed: Listed): string[] {
  if (listed.manifest === undefined) return [listed.id, "", "", "", "", listed.fault];
  const { database, log, archives, keys } = listed.manifest;
  const notes = [
    ...(archives.lacking.length > 0 ? [`lacks ${archives.lacking.length}`] : []),
    ...(database.problems.length > 0 ? ["database damaged"] : []),
    ...(keys.length > 0 ? ["has private keys"] : []),
  ];
  const counts = [database.packages, database.versions, log?.size ?? 0].map(String);
  return [listed.id, ...counts, `${archives.count} (${bytesText(archives.bytes)})`, notes.join(", ")];
}
