import type { BlobStore } from "../blobs/store.ts";
import { ConfigError } from "../config/config.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { EMPTY_ROOT } from "../tlog/merkle.ts";
import { formatVerifierKey, parseVerifierKey, type SignerKey, signNote, verifierOf } from "../tlog/note.ts";
import { backfillLog } from "./backfill.ts";
import { type LogStateRow, readState } from "./log-rows.ts";
import { checkGuardAtStart } from "./rollback-guard.ts";
import { TransparencyLog } from "./transparency-log.ts";
import type { WitnessClient } from "./witness-client.ts";

/**
 * Creates the single row of the log at the first start. Servers that start at the same time create
 * one row.
 */
async function ensureState(db: Database, signer: SignerKey, vkey: string): Promise<LogStateRow> {
  const origin = signer.name;
  const checkpoint = signNote(formatCheckpoint({ origin, size: 0, root: EMPTY_ROOT }), signer);
  return db.write(async (session) => {
    const { logState } = session.tables;
    const state = { id: 1, origin, vkey, size: 0, root: EMPTY_ROOT.toString("hex"), checkpoint };
    await session.query.insert(logState).values(state).onConflictDoNothing();
    return readState(session);
  });
}

/**
 * Throws `ConfigError` if the log has another origin: then the settings are those of another log.
 */
function requireSameOrigin({ origin }: LogStateRow, signer: SignerKey): void {
  if (origin === signer.name) return;
  const message = `this database has the log ${origin}, not ${signer.name}; unset LOG_ORIGIN, or set it to ${origin}`;
  throw new ConfigError([{ setting: "LOG_ORIGIN", message }]);
}

/** Explains to an operator that the log's key is missing, and what to do. */
export function keyMissingText(log: TransparencyLog): string {
  return `log_key_missing: the key of the log ${formatVerifierKey(log.verifier)} is missing, or is another one. The
registry answers reads and refuses every change that would be logged. Put log.key (or LOG_SIGNING_KEY) back from your
secrets and start again.`;
}

interface OpenLogDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly failpoints?: Failpoints;
  readonly witnesses?: WitnessClient;
}

/**
 * Opens the log of a database. The first start creates it and logs what an earlier version of this
 * program published. After a rollback, or without the right key, the log is read-only. Throws
 * `ConfigError` if the database has a log of another origin.
 */
export async function openLog(
  { db, blobs, failpoints, witnesses }: OpenLogDeps,
  signer: SignerKey | undefined,
): Promise<TransparencyLog> {
  const state =
    signer === undefined
      ? await db.read(readState)
      : await ensureState(db, signer, formatVerifierKey(verifierOf(signer)));
  if (signer !== undefined) requireSameOrigin(state, signer);
  const verifier = parseVerifierKey(state.vkey);
  if (verifier === undefined) throw new Error("The log's verifier key is malformed");
  const isRight = signer?.publicKey.equals(verifier.publicKey) === true;
  const guard = await checkGuardAtStart({ db, blobs, witnesses }, verifier);
  const log = new TransparencyLog(isRight && signer !== undefined ? signer : verifier, guard.rollback, failpoints);
  log.isGuardMissing = guard.isMissing;
  if (isRight && log.rollback === undefined && !state.hasExisting) await backfillLog({ db, log });
  return log;
}
