import type { Config } from "../config/config.ts";
import { logKeyPath } from "../config/log-key.ts";
import { isInUse } from "../db/in-use.ts";
import { Announcer } from "../log/announcer.ts";
import { type KeyChanged, rotateKey, startNewLog } from "../log/change-key.ts";
import { readVerifiers } from "../log/log-changes.ts";
import { readLogKeys } from "../log/log-keys.ts";
import { knownLogKey, readState } from "../log/log-rows.ts";
import { openLog } from "../log/open-log.ts";
import { RecentLeaves } from "../log/recent-leaves.ts";
import type { TransparencyLog } from "../log/transparency-log.ts";
import { WitnessClient } from "../log/witness-client.ts";
import { armFailpoints, type Failpoints } from "../runtime/failpoints.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { logKeysOf } from "../start/log-key.ts";
import { type OfflineDeps, openLogger, openOfflineWithBlobs } from "../start/open-offline.ts";
import { formatVerifierKey, isKeyName } from "../tlog/note.ts";
import { KEY_LOST, lockLogKeys, NO_LOG, nextLogKey, Refused, settleLogKeys } from "./next-log-key.ts";
import { reportRefusal } from "./refused.ts";
import { UsageError } from "./usage.ts";

const DAY_MS = 24 * 60 * 60_000;
const DAYS_MAX = 3_650;
/** A leaf holds the origin four times, and at most 1,024 bytes. */
const ORIGIN_MAX_BYTES = 140;

interface Options {
  readonly config: string | undefined;
  readonly json: boolean;
}

/**
 * An open log that nobody else writes, and every verifier key that it ever had, the present one
 * first.
 */
interface OpenLog extends OfflineDeps {
  readonly failpoints: Failpoints;
  readonly config: Config;
  readonly log: TransparencyLog;
  readonly used: readonly string[];
}

/** What a command did or would do: for programs, and in words. */
interface Done {
  /** False if the command only looked. */
  readonly changed: boolean;
  readonly result: object;
  readonly text: string;
}

/** Replaces the log's key. Returns 1 if this was refused. Throws `UsageError`. */
export function logRotateKey({ config, json, days }: Options & { readonly days: string }): Promise<number> {
  const cosignedDays = Number(/^\d{1,4}$/.exec(days)?.[0] ?? Number.NaN);
  if (!(cosignedDays <= DAYS_MAX)) throw new UsageError(`--days must be a whole number from 0 to ${DAYS_MAX}.`);
  return changing("log rotate-key", config, json, async ({ log, used, ...deps }) => {
    const from = log.signer;
    if (from === undefined) throw new Refused(KEY_LOST);
    const to = nextLogKey(deps.config, from.name, used, "write it before the present key, with a space between them,");
    const at = deps.clock();
    const until = new Date(at.getTime() + cosignedDays * DAY_MS);
    const changed = await rotateKey(deps, { from, to, at, until });
    return {
      changed: true,
      result: { ...changed, until: until.toISOString() },
      text: rotatedText(changed, until, deps.config),
    };
  });
}

/**
 * Begins a new log after the key of the old one was lost. Without `yes` it only says what it would
 * do. Returns 1 if this was refused. Throws `UsageError`.
 */
export function logStartNew({
  config,
  json,
  yes,
  origin: wanted,
}: Options & { readonly yes: boolean; readonly origin: string | undefined }): Promise<number> {
  if (wanted !== undefined && !isKeyName(wanted))
    throw new UsageError("--origin must be a name without spaces or +, such as cpm.example.org/log-2.");
  return changing("log start-new", config, json, async ({ log, used, ...deps }) => {
    if (log.signer !== undefined) throw new Refused(KEY_KNOWN);
    const isOrigin = (name: string) => used.some((vkey) => vkey.startsWith(`${name}+`));
    const inSettings = deps.config.logKeys?.reveal().find(({ name }) => !isOrigin(name))?.name;
    const origin = wanted ?? inSettings ?? nextOrigin(log.origin);
    if (isOrigin(origin)) {
      throw new Refused(`a log of this registry was called ${origin} before. Choose another name with --origin.`);
    }
    if (!yes)
      return { changed: false, result: { origin, oldKey: log.vkey }, text: previewText(log, origin, deps.config) };
    const to = nextLogKey(deps.config, origin, used, "set LOG_SIGNING_KEY to it alone");
    const changed = await startNewLog(deps, { to, at: deps.clock() });
    return { changed: true, result: { ...changed, origin }, text: startedText(changed, deps.config) };
  });
}

/** Runs `work` on the log of a stopped registry, then publishes the checkpoint of the new key. */
async function changing(
  command: string,
  configFile: string | undefined,
  json: boolean,
  work: (log: OpenLog) => Promise<Done>,
): Promise<number> {
  const config = readOfflineConfig(configFile);
  try {
    if (await isInUse(config.database)) throw new Refused(RUNNING);
    const { changed, result, text } = await onLog(config, work);
    if (json) printJson({ changed, ...result });
    else print(text);
    return 0;
  } catch (cause) {
    if (!(cause instanceof Refused)) throw cause;
    return reportRefusal(command, cause.message, json);
  }
}

async function onLog(config: Config, work: (log: OpenLog) => Promise<Done>): Promise<Done> {
  const deps = await openOfflineWithBlobs(config);
  let release = () => {};
  try {
    release = lockLogKeys(config);
    if ((await deps.db.read(knownLogKey)) === undefined) throw new Refused(NO_LOG);
    const logger = openLogger(config.logLevel);
    const parts = { ...deps, logger, failpoints: armFailpoints(config.failpoints) };
    const witnesses = new WitnessClient(parts, config.logWitnesses);
    const log = await openLog({ ...parts, witnesses }, await signersOf(config, deps));
    if (log.rollback !== undefined) throw new Refused(ROLLBACK);
    if (Buffer.byteLength(log.origin) > ORIGIN_MAX_BYTES) throw new Refused(LONG_ORIGIN);
    const used = (await deps.db.read(readVerifiers)).map(formatVerifierKey);
    const done = await work({ ...parts, config, log, used });
    if (!done.changed) return done;
    const signers = await signersOf(config, deps);
    const next = await openLog({ ...parts, witnesses }, signers);
    const recent = new RecentLeaves(parts, (await deps.db.read(readState)).size);
    const announcer = new Announcer({ ...parts, witnesses, log: next, recent });
    announcer.wake();
    await announcer.close();
    const keys = await deps.db.read((session) => readLogKeys(session, signers));
    settleLogKeys(config, keys, { used, now: deps.clock() });
    return done;
  } finally {
    release();
    await deps.close();
  }
}

/**
 * A key of another origin is no reason to refuse here: it may be the one of the log that is to
 * begin.
 */
async function signersOf(config: Config, { db }: OfflineDeps) {
  const [{ name }] = await db.read(readVerifiers);
  return (await logKeysOf(config, db)).filter((key) => key.name === name);
}

/** `cpm.example.org/log` becomes `cpm.example.org/log-2`, then `-3`. */
function nextOrigin(origin: string): string {
  const [, base = origin, number = "1"] = /^(.*)-(\d{1,4})$/.exec(origin) ?? [];
  return `${base}-${Number(number) + 1}`;
}

function rotatedText({ vkey, oldKey, index }: KeyChanged, until: Date, config: Config): string {
  return `The key of the log is replaced, with leaf ${index}:
  old ${oldKey}
  new ${vkey}
Both keys sign until ${until.toISOString()}, then the new one alone. ${keepText(config)}
Start the registry. Tell users, auditors and witnesses the new verifier key over another channel: verify and log audit
follow by themselves, but whoever has the old key can still deceive those who trust it alone.`;
}

function startedText({ vkey, oldKey, index }: KeyChanged, config: Config): string {
  return `A new log begins with leaf ${index}, and goes on with the leaves of the old one:
  old ${oldKey}
  new ${vkey}
${keepText(config)} Take LOG_ORIGIN out of the settings, or set it to the new name.
Start the registry. Tell users, auditors and witnesses the new verifier key over another channel. Until they have
accepted it, they cannot verify, download or publish. Each of them runs this once:

  cpm-registry log audit --registry ${config.publicUrl} --vkey '${vkey}'`;
}

function keepText({ logKeys, dataDir }: Config): string {
  if (logKeys === undefined) return `${logKeyPath(dataDir)} has changed: keep a copy of it apart from the backups.`;
  return "Keep LOG_SIGNING_KEY among your secrets as it is now.";
}

function previewText({ vkey }: TransparencyLog, origin: string, { logKeys }: Config): string {
  const hasKey = logKeys === undefined || logKeys.reveal().some(({ name }) => name === origin);
  const first = hasKey ? "" : `Before, set LOG_SIGNING_KEY to a new key: cpm-registry log make-key ${origin}\n`;
  return `Nothing was changed. With --yes, the log ${origin} takes the place of this one, whose key is lost:
  ${vkey}
Everybody who verifies, downloads or publishes has to accept the new log once, with its key. If you find the old key,
put it back instead.
${first}To begin the new log: cpm-registry log start-new --yes`;
}

const RUNNING = "a registry runs on this database. Stop it on every machine, then run the command again.";
const ROLLBACK =
  "the database is behind what the log published (log_rollback). Restore the newest backup, or accept the loss with cpm-registry log accept-rollback, then run the command again.";
const KEY_KNOWN = "the key of the log is there, so nothing is lost. To replace it, run cpm-registry log rotate-key.";
const LONG_ORIGIN = `the name of the log is longer than ${ORIGIN_MAX_BYTES} bytes, so that no leaf can hold both keys.`;
