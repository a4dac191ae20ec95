import { existsSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join, resolve } from "node:path";
import {
  type BackupOptions,
  type BackupResult,
  type BackupSource,
  createBackup,
  isWhole,
  rescueArchives,
} from "../backup/create-backup.ts";
import { KEY_FILES } from "../backup/layout.ts";
import type { Config, DatabaseConfig } from "../config/config.ts";
import { checkIntegrity } from "../db/integrity.ts";
import { migrationState } from "../db/migrate.ts";
import { errorCode, Failure } from "../errors.ts";
import { compareWithLog, type LogComparison, notComparedText } from "../log/behind-log.ts";
import { counted } from "../runtime/counted.ts";
import { armFailpoints } from "../runtime/failpoints.ts";
import { faultCode } from "../runtime/fault-codes.ts";
import { OperatorError } from "../runtime/operator-error.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { openOffline, openOfflineStore, requireDatabase } from "../start/open-offline.ts";
import { durationText } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, listText } from "./table.ts";
import { UsageError } from "./usage.ts";

const KEEP_MAX = 10_000;

/** Options and arguments of `backup create`. */
export interface BackupCreateArguments {
  readonly config: string | undefined;
  readonly directory: string;
  readonly keep: string | undefined;
  readonly withKeys: boolean;
  readonly json: boolean;
}

function keepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const keep = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (keep < 1 || keep > KEEP_MAX) throw new UsageError(`--keep must be a whole number from 1 to ${KEEP_MAX}.`);
  return keep;
}

/** The key files that a registry uses. Keys that are settings have no file. */
function keyFiles({ dataDir, jwtKeys, logKeys }: Config): Map<string, string> {
  const setting = { "jwt.key": jwtKeys, "log.key": logKeys };
  const paths = KEY_FILES.filter((name) => setting[name] === undefined).map(
    (name) => [name, join(dataDir, name)] as const,
  );
  return new Map(paths.filter(([, path]) => existsSync(path)));
}

/** Lets the server go first. */
function yieldToOthers(): void {
  try {
    setPriority(constants.priority.PRIORITY_LOW);
  } catch {
    // Not allowed here. The backup works all the same.
  }
}

/**
 * Adds a snapshot to a backup and prints what was saved. Returns 1 if something is damaged. Throws
 * `UsageError` if `keep` is not a number, and `OperatorError` if the database is not the newest one.
 */
export async function backupCreate({ config, directory, json, ...given }: BackupCreateArguments): Promise<number> {
  const keep = keepOf(given.keep);
  const startedMs = performance.now();
  const read = readOfflineConfig(config, given.withKeys ? "signs" : "signs nothing");
  requireDatabase(read.database);
  yieldToOthers();
  const deps = await openOfflineStore(read);
  const bars = [progressBar("backup database", json), progressBar("backup archives", json)] as const;
  const endBars = () => {
    for (const bar of bars) bar.end();
  };
  const source: BackupSource = {
    ...deps,
    database: read.database,
    storage: read.storage.kind,
    failpoints: armFailpoints(read.failpoints),
  };
  const options: Omit<BackupOptions, "isCompared"> = {
    backup: resolve(directory),
    keys: given.withKeys ? keyFiles(read) : new Map(),
    keep,
    reportRows: bars[0].report,
    reportArchives: bars[1].report,
  };
  try {
    const damage = await damageOf(read.database);
    if (damage.length > 0) return await rescue(source, options, damage, json, endBars);
    const { notCompared } = await requireNewest(read, deps);
    const isCompared = notCompared === undefined;
    const result = await createBackup(source, { ...options, isCompared });
    endBars();
    if (json) printJson({ ...documentOf(result), ...(isCompared ? {} : { notCompared }) });
    else {
      print(summaryOf(result, durationText(performance.now() - startedMs)));
      if (!isCompared)
        print(`${notComparedText(notCompared)} So this does not count as a\nbackup, and no old snapshot was removed.`);
    }
    return isWhole(result.manifest) && isCompared ? 0 : 1;
  } catch (cause) {
    if (!(cause instanceof Failure) || cause.error.code !== "database_corrupt") throw cause;
    const { problems } = await checkIntegrity(read.database);
    return await rescue(source, options, problems, json, endBars);
  } finally {
    endBars();
    await deps.close();
  }
}

/**
 * Throws `OperatorError` if the database lacks what was published. A snapshot of it would be the
 * newest, and push out those that have everything.
 */
async function requireNewest(config: Config, { blobs }: Pick<BackupSource, "blobs">): Promise<LogComparison> {
  const { db, close } = await openOffline(config);
  const compared = await compareWithLog({ db, blobs }).finally(close);
  if (compared.behind === undefined) return compared;
  throw new OperatorError(`${compared.behind} No snapshot was made, and none was removed.`);
}

/** Returns why a database cannot even be opened. Empty if it can, or if it is not damage. */
async function damageOf(database: DatabaseConfig): Promise<string[]> {
  try {
    await migrationState(database);
    return [];
  } catch (cause) {
    const found = faultCode(errorCode(cause));
    return found?.kind === "damaged" ? [`${found.reason} (${errorCode(cause)})`] : [];
  }
}

async function rescue(
  source: BackupSource,
  options: Parameters<typeof rescueArchives>[1],
  problems: readonly string[],
  json: boolean,
  endBars: () => void,
): Promise<number> {
  const { copied, skipped, damaged, failures } = await rescueArchives(source, options);
  endBars();
  const lost = [...damaged.items, ...failures.items];
  if (json) printJson({ snapshot: null, problems, copied, present: skipped, lacking: lost });
  else {
    const saved = `${counted(copied.count + skipped.count, "archive")} of the storage are in the backup.`;
    const advice =
      "No snapshot was made. Stop the registry, keep a copy of the damaged database, and restore the newest snapshot.";
    const reasons = lost.map(({ sha256, reason }) => `${sha256}: ${reason}`);
    print(
      [
        ...listText("The database is damaged:", problems),
        saved,
        ...listText(`Could not be saved (${damaged.count + failures.count}):`, reasons, damaged.count + failures.count),
        advice,
      ].join("\n"),
    );
  }
  return 1;
}

function documentOf({ id, manifest, saved, pruned, notNoted }: BackupResult) {
  const { packages, versions, problems, size } = manifest.database;
  return {
    snapshot: id,
    createdAt: manifest.createdAt,
    packages,
    versions,
    databaseBytes: size,
    logSize: manifest.log?.size ?? null,
    copied: saved.copied,
    present: saved.present,
    lacking: saved.lacking,
    problems,
    keys: manifest.keys.map(({ name }) => name),
    pruned: pruned ?? null,
    ...(notNoted === undefined ? {} : { notNoted }),
  };
}

function summaryOf({ id, manifest, saved, pruned, notNoted }: BackupResult, elapsed: string): string {
  const { packages, versions, size, problems } = manifest.database;
  const { copied, present, lacking } = saved;
  const what = `${counted(packages, "package")} with ${counted(versions, "version")}`;
  const lines = [
    `Snapshot ${id} in ${elapsed}: ${what} (${bytesText(size)}).`,
    `Copied ${counted(copied.count, "archive")} (${bytesText(copied.bytes)}); ` +
      `${present.count} (${bytesText(present.bytes)}) were already there.`,
  ];
  if (manifest.keys.length === 0)
    lines.push("No private key is in the backup: keep log.key, or LOG_SIGNING_KEY, apart.");
  else lines.push(`Private keys are in the backup: ${manifest.keys.map(({ name }) => name).join(", ")}. Guard it.`);
  if (pruned !== undefined && pruned.snapshots.length > 0) {
    const archives = `${counted(pruned.archives.count, "archive")} (${bytesText(pruned.archives.bytes)})`;
    lines.push(`Removed ${counted(pruned.snapshots.length, "old snapshot")} and ${archives}.`);
  }
  if (pruned?.unreadable !== undefined)
    lines.push(`No archive was removed, because the snapshot ${pruned.unreadable} cannot be read. Run backup verify.`);
  if (notNoted !== undefined)
    lines.push(`The storage did not take the time of the backup (${notNoted}), so metrics do not show it.`);
  const reasons = lacking.map(
    ({ package: name, version, sha256, reason }) => `${name} ${version} (${sha256}): ${reason}`,
  );
  lines.push(...listText("The database is damaged:", problems));
  lines.push(...listText(`Not saved, because they are damaged or missing (${lacking.length}):`, reasons));
  if (lacking.length > 0)
    lines.push("Everything else was saved, and no old snapshot was removed. Run cpm-registry fsck.");
  return lines.join("\n");
}
