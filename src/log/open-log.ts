import type { BlobStore } from "../blobs/store.ts";
import { ConfigError } from "../config/config.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { EMPTY_ROOT } from "../tlog/merkle.ts";
import { formatVerifierKey, type SignerKey, signNote, verifierOf } from "../tlog/note.ts";
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
 * Throws `ConfigError` unless the log has this origin and key. A client that verified the old log
 * would not accept others.
 */
function requireSameLog({ origin, vkey }: LogStateRow, signer: SignerKey, ownKey: string): void {
  if (origin !== signer.name) {
    const message = `this database has the log ${origin}, not ${signer.name}; unset LOG_ORIGIN, or set it to ${origin}`;
    throw new ConfigError([{ setting: "LOG_ORIGIN", message }]);
  }
  if (vkey === ownKey) return;
  const message = `is not the key of the log in this database, whose verifier key is ${vkey}; restore the right key`;
  throw new ConfigError([{ setting: "LOG_SIGNING_KEY", message }]);
}

interface OpenLogDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly failpoints?: Failpoints;
  readonly witnesses?: WitnessClient;
}

/**
 * Opens the log of a database. The first start creates it and logs what an earlier version of this
 * program published. After a rollback the log is read-only. Throws `ConfigError` if the database
 * has a log of another origin or key.
 */
export async function openLog(
  { db, blobs, failpoints, witnesses }: OpenLogDeps,
  signer: SignerKey,
): Promise<TransparencyLog> {
  const verifier = verifierOf(signer);
  const vkey = formatVerifierKey(verifier);
  const state = await ensureState(db, signer, vkey);
  requireSameLog(state, signer, vkey);
  const guard = await checkGuardAtStart({ db, blobs, witnesses }, verifier);
  const log = new TransparencyLog(signer, guard.rollback, failpoints);
  log.isGuardMissing = guard.isMissing;
  if (log.rollback === undefined && !state.hasExisting) await backfillLog({ db, log });
  return log;
}
