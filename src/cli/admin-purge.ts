import { OPERATOR } from "../audit/record-event.ts";
import { scrubDatabase } from "../db/scrub.ts";
import { Failure } from "../errors.ts";
import { requireForm } from "../http/validate.ts";
import { type ErasedArchives, eraseArchives } from "../maintenance/erase-archives.ts";
import { eraseWords } from "../maintenance/erase-words.ts";
import { nameParam, TakedownBody } from "../moderation/schemas.ts";
import { type TakenDown, takeDown } from "../moderation/take-down.ts";
import { counted } from "../runtime/counted.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { runOfflineOnLog } from "../start/run-offline.ts";
import { STATUS_REASONS } from "../tlog/status-leaf.ts";
import { listText } from "./table.ts";
import { UsageError } from "./usage.ts";

/** Options and arguments of `admin purge`. */
export interface PurgeArguments {
  readonly config: string | undefined;
  readonly name: string;
  /** Undefined for the whole package. */
  readonly version: string | undefined;
  readonly reason: string;
  readonly reference: string;
  readonly yes: boolean;
  readonly json: boolean;
}

const ELSEWHERE =
  "Clean what this command cannot reach: older backups, places from which you moved, versioned buckets, caches and proxies.";

/** What a purge did, and what it could not do. */
interface Purged {
  readonly takenDown: TakenDown;
  readonly erased: ErasedArchives;
  /** Why the database may still have deleted bytes in its files. */
  readonly notScrubbed: string | undefined;
}

/**
 * Takes down a version or a package and erases its contents. Returns 1 if some of them may still be
 * stored. Throws `UsageError` without `yes`, or for an unknown reason.
 */
export async function adminPurge(given: PurgeArguments): Promise<number> {
  const { version, reference, json } = given;
  const reason = STATUS_REASONS.find((known) => known === given.reason);
  if (reason === undefined) throw new UsageError(`--reason needs one of ${STATUS_REASONS.join(", ")}.`);
  requireForm(TakedownBody, { reference });
  const name = nameParam(given.name);
  const what = version === undefined ? `the whole package ${name}` : `${name} ${version}`;
  if (!given.yes)
    throw new UsageError(`This deletes ${what} for good, and nothing brings it back. Add --yes to do it.`);
  return runOfflineOnLog(given.config, async (deps) => {
    const { config, failpoints } = deps;
    const takenDown = await takeDown(deps, OPERATOR, name, version, { reason, reference });
    failpoints.hit("purge.recorded");
    const first = await eraseArchives(deps, takenDown.archives);
    failpoints.hit("purge.removed");
    await eraseWords(deps);
    const notScrubbed = await scrub(config.database);
    failpoints.hit("purge.erased");
    // A publisher who sent the same bytes a moment before the takedown may have stored them again.
    const again = await eraseArchives(deps, takenDown.archives);
    const erased = { removed: [...first.removed, ...again.removed], remaining: again.remaining };
    report({ takenDown, erased, notScrubbed }, { name, version, what, json });
    return erased.remaining.length > 0 || notScrubbed !== undefined ? 1 : 0;
  });
}

async function scrub(database: Parameters<typeof scrubDatabase>[0]): Promise<string | undefined> {
  try {
    await scrubDatabase(database);
    return undefined;
  } catch (cause) {
    if (cause instanceof Failure) return cause.error.code;
    throw cause;
  }
}

function report(
  { takenDown, erased, notScrubbed }: Purged,
  { name, version, what, json }: { name: string; version: string | undefined; what: string; json: boolean },
): void {
  const { changed, reason, at, versions } = takenDown;
  const remaining = erased.remaining.map(({ digest }) => digest);
  const removed = erased.removed.map(({ digest }) => digest);
  if (json) {
    const document = { name, version: version ?? null, changed, reason, at, versions, removed, remaining };
    printJson({ ...document, databaseScrubbed: notScrubbed === undefined });
  } else {
    const done = changed ? `Took down ${what} (${reason}).` : `${what} was taken down before, at ${at} (${reason}).`;
    print(`${done} Removed ${counted(removed.length, "archive")}. Its number can never be published again.`);
    print(ELSEWHERE);
  }
  const isFull = notScrubbed === "storage_full";
  const again = `${isFull ? "Free some space, then repeat" : "Repeat"} this command until it reports no more.`;
  if (remaining.length > 0) {
    printError([...listText("These archives are still stored:", remaining), again].join("\n"));
  }
  if (notScrubbed !== undefined) {
    printError(
      `Nobody gets it any more, but files of the database may still hold deleted bytes (${notScrubbed}). ${again}`,
    );
  }
}
