import type { BlobStore } from "../blobs/store.ts";
import type { DatabaseConfig } from "../config/config.ts";
import { isInUse } from "../db/in-use.ts";
import { readState } from "../log/log-rows.ts";
import { recentSize } from "../log/recent-leaves.ts";
import { eraseTakedowns } from "../recovery/erase-takedowns.ts";
import { type Recovery, recover } from "../recovery/recover.ts";
import { RecoveryRefusal } from "../recovery/recovery-refusal.ts";
import { counted } from "../runtime/counted.ts";
import { armFailpoints } from "../runtime/failpoints.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { presentLogKeys } from "../start/log-key.ts";
import { type OfflineDeps, openOfflineWithBlobs } from "../start/open-offline.ts";
import { progressBar } from "./progress.ts";
import { listText } from "./table.ts";

/** Options of `log recover`. */
export interface RecoverArguments {
  readonly config: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Brings back what an old database lacks, and prints what. Returns 1 if that is refused. */
export async function logRecover({ config: configFile, dryRun, json }: RecoverArguments): Promise<number> {
  const config = readOfflineConfig(configFile);
  const isRunning = !dryRun && (await isInUse(config.database));
  const deps = await openOfflineWithBlobs(config);
  const bar = progressBar("log recover", json);
  try {
    if (isRunning) throw new RecoveryRefusal("registry_running", RUNNING);
    const failpoints = armFailpoints(config.failpoints);
    const recovery = await recover(
      { ...deps, signers: presentLogKeys(config), failpoints, report: bar.report },
      dryRun,
    );
    bar.end();
    const lost = await lostLeaves(deps, recovery);
    if (json) printJson({ dryRun, recovered: recovery !== undefined && !dryRun, ...recovery, ...(lost && { lost }) });
    else print(recovery === undefined ? NOTHING : recoveryText(recovery, dryRun));
    if (lost !== undefined) printError(lostText(lost));
    const finished = dryRun ? 0 : await finishTakedowns(deps, config.database, recovery);
    return lost === undefined ? finished : 1;
  } catch (cause) {
    if (!(cause instanceof RecoveryRefusal)) throw cause;
    bar.end();
    const { code, message, items } = cause;
    if (json) printJson({ dryRun, recovered: false, refused: { code, detail: message, items } });
    printError(`cpm-registry log recover failed: ${escapeUnprintable(message)}`);
    return 1;
  } finally {
    bar.end();
    await deps.close();
  }
}

/** Leaves that were published, of which nothing is left: those from index `from` to `to`. */
interface LostLeaves {
  readonly from: number;
  readonly to: number;
}

/** Finds leaves of the last second before a power cut, whose files were not synced. */
async function lostLeaves(
  { db, blobs }: Pick<OfflineDeps, "db"> & { readonly blobs: BlobStore },
  recovery: Recovery | undefined,
): Promise<LostLeaves | undefined> {
  const [from, to] = [recovery?.to ?? (await db.read(readState)).size, await recentSize(blobs)];
  return to > from ? { from, to } : undefined;
}

function lostText({ from, to }: LostLeaves): string {
  return `The log was published with ${counted(to, "leaf", "leaves")}. Those from index ${from} on cannot be recovered: their files beside the
archives are cut off, as a power cut leaves them. The registry stays read-only until you accept the loss. If a newer
backup has them, restore it first. If none has: cpm-registry log accept-rollback`;
}

/** Returns 1 if something of a version that was taken down may still be stored. */
async function finishTakedowns(
  deps: Parameters<typeof eraseTakedowns>[0],
  database: DatabaseConfig,
  recovery: Recovery | undefined,
): Promise<number> {
  const hasReplayed = recovery !== undefined && recovery.counts.takedowns > 0;
  const { remaining } = await eraseTakedowns(deps, database, hasReplayed);
  if (remaining.length === 0) return 0;
  const digests = remaining.map(({ digest }) => digest);
  const what = "These archives were taken down and are still stored; run the command again:";
  printError(listText(what, digests).join("\n"));
  return 1;
}

const RUNNING = "a registry runs on this database. Stop it on every machine, then run the command again.";
const NOTHING = "The database has everything that the log beside the archives has. Nothing is to be recovered.";

function recoveryText(recovery: Recovery, dryRun: boolean): string {
  const { from, to, root, counts, placeholders, notOwners } = recovery;
  const { versions, yanks, keyChanges, statuses, takedowns, logChanges } = counts;
  const kinds = [
    counted(versions, "version"),
    counted(yanks, "yank or unyank", "yanks and unyanks"),
    counted(keyChanges, "key change"),
    counted(statuses, "quarantine or release", "quarantines and releases"),
    ...(takedowns === 0 ? [] : [`${counted(takedowns, "takedown")}, which ${takedowns === 1 ? "is" : "are"} repeated`]),
    counted(logChanges, "change of the log's key", "changes of the log's key"),
  ];
  const leaves = counted(to - from, "leaf", "leaves");
  const lines = [
    `${dryRun ? "Would recover" : "Recovered"} ${leaves} of the log: ${kinds.join(", ")}.`,
    `The log ${dryRun ? "would have" : "has"} ${counted(to, "leaf", "leaves")}, with the root ${root}.`,
  ];
  const handed = placeholders.map(({ username, publishedAs }) => {
    const was = username === publishedAs ? "" : ` (published as ${publishedAs}, a name that another account has)`;
    return `  ${escapeUnprintable(username)}${was}`;
  });
  if (handed.length > 0) {
    lines.push(
      "",
      "These publishers have no account in this database. Each has a placeholder that nobody can log in to;",
    );
    lines.push("hand it over with cpm-registry admin reset-password <username>:", ...handed);
  }
  if (notOwners.length > 0) {
    lines.push("", "These publishers are no owners in this database. An owner can invite them again:");
    lines.push(...notOwners.map((owner) => `  ${escapeUnprintable(owner)}`));
  }
  if (!dryRun) lines.push("", LOST);
  return lines.join("\n");
}

const LOST = `What the log does not record did not come back. It is as it was in the backup:
  Accounts that were disabled since can log in. Disable them again:  cpm-registry admin disable <username>
  Administrators who were revoked since are administrators:          cpm-registry admin revoke <username>
  People who were forgotten since are known again, by their e-mail:  cpm-registry admin forget <username> --yes
  API tokens that were revoked and passwords that were changed work as before. Where somebody else may have one:
                                                                     cpm-registry admin reset-password <username>
  Accounts, owners, invitations, webhooks, retired account keys, deprecated and archived packages, and download
  counts since the backup are missing.
An export of events on another machine (cpm-registry admin events --output) says what was done since the backup.
Start the registry, then run cpm-registry fsck.`;
