import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { requireBackup } from "../backup/layout.ts";
import { type Restored, restoreBackup } from "../backup/restore-backup.ts";
import type { Config } from "../config/config.ts";
import { logKeyPath } from "../config/log-key.ts";
import { compareWithLog, type LogComparison } from "../log/behind-log.ts";
import { counted } from "../runtime/counted.ts";
import { armFailpoints } from "../runtime/failpoints.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { openLogger, openOffline, openStore } from "../start/open-offline.ts";
import { systemClock } from "../start/system-clock.ts";
import { durationText } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, listText } from "./table.ts";

/** Options and arguments of `backup restore`. */
export interface BackupRestoreArguments {
  readonly config: string | undefined;
  readonly directory: string;
  readonly snapshot: string | undefined;
  readonly reuseStorage: boolean;
  readonly partial: boolean;
  readonly json: boolean;
}

/**
 * Fills the configured place from a backup and prints what was restored. Returns 1 if something is
 * missing.
 */
export async function backupRestore({ config: configFile, directory, json, ...given }: BackupRestoreArguments) {
  const startedMs = performance.now();
  const config = readOfflineConfig(configFile);
  const { database, dataDir, jwtKeys, logKeys } = config;
  const backup = resolve(directory);
  // Before anything is made in the place to fill.
  requireBackup(backup);
  const blobs = await openStore(config.storage, dataDir, openLogger(config.logLevel));
  const bar = progressBar("backup restore", json);
  const keysDir = database.kind === "sqlite" && (jwtKeys === undefined || logKeys === undefined) ? dataDir : undefined;
  const target = { database, blobs, keysDir, clock: systemClock, failpoints: armFailpoints(config.failpoints) };
  try {
    const options = { ...given, backup, report: bar.report };
    const restored = await restoreBackup(target, options);
    bar.end();
    const elapsed = durationText(performance.now() - startedMs);
    const { db, close } = await openOffline(config);
    const log = await compareWithLog({ db, blobs }).finally(close);
    if (json) printJson({ ...documentOf(restored), log });
    else {
      print(summaryOf(restored, config, elapsed));
      print(nextText(log));
    }
    return restored.lacking.length > 0 || restored.manifest.database.problems.length > 0 ? 1 : 0;
  } finally {
    bar.end();
    await blobs.close();
  }
}

function documentOf({ snapshot, manifest, copied, present, lacking, keys }: Restored) {
  const { packages, versions, problems } = manifest.database;
  return { snapshot, createdAt: manifest.createdAt, packages, versions, copied, present, lacking, problems, keys };
}

function summaryOf(restored: Restored, config: Config, elapsed: string): string {
  const { snapshot, manifest, copied, present, lacking, keys } = restored;
  const { packages, versions, problems } = manifest.database;
  const lines = [
    `Restored the snapshot ${snapshot} in ${elapsed}: ${counted(packages, "package")} with ${counted(versions, "version")}.`,
    `Put ${counted(copied.count, "archive")} (${bytesText(copied.bytes)}) into the storage; ` +
      `${present.count} (${bytesText(present.bytes)}) were already there.`,
  ];
  if (keys.length > 0) lines.push(`Put ${keys.join(" and ")} into ${config.dataDir}.`);
  if (isLogKeyMissing(config))
    lines.push(`Put ${join(config.dataDir, "log.key")} back from your secrets before you start the registry.`);
  lines.push(...listText("The database was damaged when the backup was made:", problems));
  const reasons = lacking.map(
    ({ package: name, version, sha256, reason }) => `${name} ${version} (${sha256}): ${reason}`,
  );
  lines.push(...listText(`Not restored, because the backup lacks them (${lacking.length}):`, reasons));
  return lines.join("\n");
}

function nextText({ behind }: LogComparison): string {
  if (behind === undefined) return "Then run cpm-registry fsck, and start the registry.";
  return `Before you start the registry: ${behind}`;
}

function isLogKeyMissing({ logKeys, dataDir }: Config): boolean {
  return logKeys === undefined && !existsSync(logKeyPath(dataDir));
}
