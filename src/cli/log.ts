import { existsSync } from "node:fs";
import { KeyFileError } from "../config/key-file.ts";
import { logKeyPath, makeLogKey, readOrMakeLogKeys } from "../config/log-key.ts";
import { isInUse } from "../db/in-use.ts";
import { acceptRollback } from "../log/accept-rollback.ts";
import { type ReplacedKeys, readReplacedKeys } from "../log/log-keys.ts";
import { knownLogKey } from "../log/log-rows.ts";
import type { Rollback } from "../log/transparency-log.ts";
import { WitnessClient } from "../log/witness-client.ts";
import { counted } from "../runtime/counted.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { escapeUnprintable } from "../runtime/printable.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { type OfflineDeps, openLogger, openOfflineWithBlobs } from "../start/open-offline.ts";
import { runOffline } from "../start/run-offline.ts";
import { formatVerifierKey, isKeyName, type SignerKey, verifierOf } from "../tlog/note.ts";
import { type Audit, auditLog } from "../verify/audit.ts";
import { isGood } from "../verify/checks.ts";
import { progressBar } from "./progress.ts";
import { tableText } from "./table.ts";
import { CHECKED, checksText, type TrustArguments, trustOf } from "./trust.ts";
import { UsageError } from "./usage.ts";
import { reportingFaults } from "./verify.ts";

const PROBLEMS_SHOWN = 100;

/** Options of `log audit`. */
export interface AuditArguments extends TrustArguments {
  readonly archives: boolean;
  readonly json: boolean;
}

/**
 * Checks the whole log of a registry. Returns 1 if something is wrong, or the log was not read to
 * its end.
 */
export async function logAudit({ archives, json, ...trusted }: AuditArguments): Promise<number> {
  const trust = await trustOf(trusted, json);
  return reportingFaults("log audit", json, async () => {
    const bar = progressBar("log audit", json);
    return report(await auditLog(trust.client, trust, { archives, report: bar.report }).finally(bar.end), json);
  });
}

function report(audit: Audit, json: boolean): number {
  const complete = audit.fault === undefined;
  const isRight = complete && isGood(audit.checks) && audit.problems.length === 0;
  if (json) printJson({ verified: isRight, complete, ...audit });
  else if (audit.checks.length > 0) print(auditText(audit, isRight), CHECKED);
  if (!complete) printError(`cpm-registry log audit failed: ${escapeUnprintable(audit.fault ?? "")}`);
  return isRight ? 0 : 1;
}

function auditText(audit: Audit, isRight: boolean): string {
  const { problems, checks } = audit;
  const rows = problems.slice(0, PROBLEMS_SHOWN).map(({ code, index, detail }) => [code, String(index), detail]);
  const found = problems.length === 0 ? [] : [tableText([["PROBLEM", "LEAF", "DETAIL"], ...rows]), ""];
  return [checksText(checks), "", ...found, verdictOf(audit, isRight)].join("\n");
}

function verdictOf({ fault, origin = "The log", size, from, problems }: Audit, isRight: boolean): string {
  const wrong = `${counted(problems.length, "problem")} in leaves`;
  if (fault !== undefined) return `${origin} was not read to its end. Until then: ${wrong}.`;
  const before = from > 0 ? `, ${from} of them in an earlier audit` : "";
  const verdict = isRight ? "is right" : `is NOT right: ${wrong}; see the checks above`;
  return `${origin} ${verdict}; ${counted(size, "leaf", "leaves")}${before}.`;
}

/**
 * Prints the verifier key of the configured log. Makes the key if there is neither a key nor a
 * database yet. Where there are several, after a rotation, the database says which one it is, and
 * standard error has the others: scripts read one line.
 */
export async function logKey(configFile: string | undefined): Promise<number> {
  const { logKeys: configured, dataDir, logOrigin, database } = readOfflineConfig(configFile);
  const path = logKeyPath(dataDir);
  if (configured === undefined && database.kind === "sqlite" && existsSync(database.path) && !existsSync(path)) {
    throw new KeyFileError(
      `${path} is missing, but the database exists. Start the registry: it creates the key, or explains what is wrong.`,
    );
  }
  const signers = (configured ?? readOrMakeLogKeys(dataDir, logOrigin)).reveal();
  const [signer, ...others] = signers;
  if (signer === undefined) throw new KeyFileError(`${path} contains no signing key of a log.`);
  const known = others.length === 0 ? undefined : await runOffline(configFile, (deps) => readKeysInUse(deps, signers));
  print(known?.present ?? formatVerifierKey(verifierOf(signer)));
  for (const line of known ? replacedLines(known) : []) printError(line);
  return 0;
}

async function readKeysInUse({ db, clock }: OfflineDeps, signers: readonly SignerKey[]) {
  const present = await db.read(knownLogKey);
  if (present === undefined) return { present, signing: [], over: [] };
  return { present, ...(await db.read((session) => readReplacedKeys(session, signers, clock()))) };
}

function replacedLines({ signing, over }: ReplacedKeys): string[] {
  const dropped = "Remove it with cpm-registry log rotate-key --finish.";
  return [
    ...signing.map(({ vkey, until }) => `The old key signs too, until ${until.toISOString()}: ${vkey}`),
    ...over.map((vkey) => `An old key does not sign any more: ${vkey}\n${dropped}`),
  ];
}

/**
 * Prints a new private key for a log. Throws `UsageError` if `origin` cannot be the name of one.
 */
export function logMakeKey(origin: string): number {
  if (!isKeyName(origin))
    throw new UsageError("<origin> must be a name without spaces or +, such as cpm.example.org/log.");
  print(makeLogKey(origin));
  return 0;
}

/**
 * Publishes the database's checkpoint in place of a larger one, if the operator accepts the
 * rollback with `yes`.
 */
export async function logAcceptRollback(configFile: string | undefined, yes: boolean, json: boolean): Promise<number> {
  const config = readOfflineConfig(configFile);
  const isRunning = yes && (await isInUse(config.database));
  const deps = await openOfflineWithBlobs(config);
  try {
    const logger = openLogger(config.logLevel);
    const witnesses = new WitnessClient({ db: deps.db, logger }, config.logWitnesses);
    const rollback = await acceptRollback({ ...deps, witnesses }, yes && !isRunning);
    const accepted = rollback !== undefined && yes && !isRunning;
    const refused = rollback === undefined ? "no_rollback" : isRunning ? "registry_running" : undefined;
    if (json) {
      const { publishedSize = null, foundSize = null } = rollback ?? {};
      printJson({ publishedSize, foundSize, accepted, ...(refused && { refused }) });
    } else {
      if (rollback !== undefined) print(sizesText(rollback));
      if (refused !== undefined) printError(`cpm-registry log accept-rollback failed: ${REFUSED[refused]}`);
      else print(accepted ? ACCEPTED : NOT_ACCEPTED);
    }
    return accepted ? 0 : 1;
  } finally {
    await deps.close();
  }
}

function sizesText({ publishedSize, foundSize }: Rollback): string {
  const published =
    publishedSize === undefined ? "unknown; the checkpoint cannot be read" : counted(publishedSize, "leaf", "leaves");
  return `Published: ${published}. In the database: ${counted(foundSize, "leaf", "leaves")}.`;
}

const NOT_ACCEPTED = `Nothing was changed. First run cpm-registry log recover --dry-run: it says whether everything can be brought back.
With --yes, the loss is accepted. That cannot be undone: afterwards nothing can be recovered, and gc deletes the archives
of the versions that this database lacks.`;

const REFUSED = {
  no_rollback: "there is no rollback to accept. The database contains everything that was published.",
  registry_running: "a registry runs on this database. Stop it on every machine, then run the command again.",
};

const ACCEPTED = `The database's checkpoint is now the published one. The other is kept as log/checkpoint-before-rollback.
What the database lacks cannot be recovered any more. Start the registry. Everyone who saw the longer log will notice.`;
