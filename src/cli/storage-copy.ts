import { existsSync, realpathSync } from "node:fs";
import { ConfigError } from "../config/config.ts";
import { type NamedStorage, readNamedStorage } from "../config/named-storage.ts";
import { type CopyResult, copyStore, type NotCopied } from "../maintenance/copy-store.ts";
import { counted } from "../runtime/counted.ts";
import { print, printJson } from "../runtime/print.ts";
import { becomeDataOwner } from "../start/data-owner.ts";
import { openLogger, openStore } from "../start/open-offline.ts";
import { durationText } from "./duration.ts";
import { progressBar } from "./progress.ts";
import { bytesText, listText } from "./table.ts";
import { UsageError } from "./usage.ts";

/** Options of `storage copy`. */
export interface StorageCopyArguments {
  readonly config: string | undefined;
  readonly from: string;
  readonly to: string;
  readonly json: boolean;
}

/** Two stores of the same identity hold the same blobs, whatever the credentials. */
function identityOf({ storage }: NamedStorage): string {
  if (storage.kind === "s3") return JSON.stringify([storage.endpoint, storage.bucket, storage.keyPrefix]);
  return existsSync(storage.directory) ? realpathSync(storage.directory) : storage.directory;
}

/** A missing directory would look like an empty store, and copying it would succeed. */
function requireSource({ storage }: NamedStorage): void {
  if (storage.kind !== "files" || existsSync(storage.directory)) return;
  throw new ConfigError([{ setting: "--from", message: `names ${storage.directory}, which does not exist` }]);
}

/**
 * Copies the archives that the destination lacks and prints how many. Returns 1 if some could not
 * be copied. Throws `UsageError` if both names mean the same store.
 */
export async function storageCopy({ config, from, to, json }: StorageCopyArguments): Promise<number> {
  const source = readNamedStorage(from, config);
  const target = readNamedStorage(to, config);
  if (identityOf(source) === identityOf(target)) throw new UsageError("--from and --to are the same storage.");
  requireSource(source);
  becomeDataOwner(target.dataDir);
  const startedMs = performance.now();
  const opened = await openStore(source.storage, source.dataDir, openLogger(source.logLevel));
  const destination = await openStore(target.storage, target.dataDir, openLogger(target.logLevel));
  const bar = progressBar("copy", json);
  try {
    const result = await copyStore(opened, destination, bar.report);
    bar.end();
    const elapsed = durationText(performance.now() - startedMs);
    if (json) printJson(documentOf(result));
    else print(summaryOf(result, elapsed));
    return result.failures.count + result.damaged.count > 0 || result.isStopped ? 1 : 0;
  } finally {
    bar.end();
    await opened.close();
    await destination.close();
  }
}

function documentOf({ copied, skipped, damaged, failures, vanished, foreign, isStopped }: CopyResult) {
  return {
    copied,
    skipped,
    damaged: damaged.items,
    damagedCount: damaged.count,
    failures: failures.items,
    failureCount: failures.count,
    vanished,
    foreign: foreign.items,
    foreignCount: foreign.count,
    stopped: isStopped,
  };
}

function reasonText({ sha256, reason }: NotCopied): string {
  return `${sha256}: ${reason}`;
}

function summaryOf(result: CopyResult, elapsed: string): string {
  const { copied, skipped, damaged, failures, vanished, foreign, isStopped } = result;
  const lines = [
    `Copied ${counted(copied.count, "archive")} (${bytesText(copied.bytes)}) in ${elapsed}; ` +
      `${skipped.count} (${bytesText(skipped.bytes)}) were already there.`,
  ];
  if (vanished > 0) lines.push(`${counted(vanished, "archive was", "archives were")} removed in the meantime.`);
  const damagedHead = `Not copied, because they are damaged at the source (${damaged.count}):`;
  lines.push(...listText(damagedHead, damaged.items.map(reasonText), damaged.count));
  const failedHead = `Could not be copied (${failures.count}):`;
  lines.push(...listText(failedHead, failures.items.map(reasonText), failures.count));
  const foreignHead = `Not copied, because their names are not those of archives (${foreign.count}):`;
  lines.push(...listText(foreignHead, foreign.items, foreign.count));
  if (isStopped)
    lines.push(
      "Stopped after too many failures. Run the same command again when the storage works; it continues where it stopped.",
    );
  return lines.join("\n");
}
