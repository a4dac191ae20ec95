import type { BlobStore } from "../blobs/store.ts";
import { ConfigError } from "../config/config.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { EMPTY_ROOT } from "../tlog/merkle.ts";
import { type SignerKey, signNote } from "../tlog/note.ts";
import { backfillLog } from "./backfill.ts";
import { readLogKeys, vkeyOf } from "./log-keys.ts";
import { findState, type LogStateRow, readState } from "./log-rows.ts";
import { checkGuardAtStart } from "./rollback-guard.ts";
import { TransparencyLog } from "./transparency-log.ts";
import type { WitnessClient } from "./witness-client.ts";

/**
 * Creates the single row of the log at the first start. Servers that start at the same time create
 * one row.
 */
async function ensureState(db: Database, signer: SignerKey): Promise<LogStateRow> {
  // Without a write if it is there: a registry also starts on a full disk or a read-only database.
  const found = await db.read(findState);
  if (found !== undefined) return found;
  const [origin, vkey] = [signer.name, vkeyOf(signer)];
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
function requireSameOrigin({ origin }: LogStateRow, signers: readonly SignerKey[]): void {
  const [first] = signers;
  if (first === undefined || signers.some(({ name }) => name === origin)) return;
  const message = `is a key of the log ${first.name}, but this database has the log ${origin}; set it to the key of ${origin}. If that key is lost for ever, see cpm-registry log start-new --help`;
  throw new ConfigError([{ setting: "LOG_SIGNING_KEY", message }]);
}

/** Explains to an operator that the log's key is missing, and what to do. */
export function keyMissingText(log: TransparencyLog): string {
  return `log_key_missing: the key of the log ${log.vkey} is missing, or is another one. The
registry answers reads and refuses every change that would be logged. Put log.key (or LOG_SIGNING_KEY) back from your
secrets and start again. If it is lost for ever, stop the registry and look at cpm-registry log start-new.`;
}

interface OpenLogDeps {
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly failpoints?: Failpoints | undefined;
  readonly witnesses?: WitnessClient | undefined;
  readonly clock: () => Date;
}

/**
 * Opens the log of a database with the keys of this process. The first start creates the log with
 * the first key, and logs what an earlier version of this program published. After a rollback, or
 * without the right key, the log is read-only. Throws `ConfigError` if the database has a log of
 * another origin.
 */
export async function openLog(
  { db, blobs, failpoints, witnesses, clock }: OpenLogDeps,
  signers: readonly SignerKey[],
): Promise<TransparencyLog> {
  const [first] = signers;
  const state = first === undefined ? await db.read(readState) : await ensureState(db, first);
  requireSameOrigin(state, signers);
  const keys = await db.read((session) => readLogKeys(session, signers));
  const guard = await checkGuardAtStart({ db, blobs, witnesses });
  const log = new TransparencyLog(keys, { rollback: guard.rollback, failpoints, clock });
  log.isGuardMissing = guard.isMissing;
  if (log.signer !== undefined && log.rollback === undefined && !state.hasExisting) await backfillLog({ db, log });
  return log;
}
