import type { BlobStore } from "../blobs/store.ts";
import { ConfigError } from "../config/config.ts";
import type { Database } from "../db/database.ts";
import type { Failpoints } from "../runtime/failpoints.ts";
import { formatCheckpoint } from "../tlog/checkpoint.ts";
import { EMPTY_ROOT } from "../tlog/merkle.ts";
import { formatVerifierKey, type SignerKey, signNote, verifierOf } from "../tlog/note.ts";
import { logExisting } from "./log-existing.ts";
import { type LogStateRow, readState } from "./log-rows.ts";
import { findRollback } from "./rollback-guard.ts";
import { TransparencyLog } from "./transparency-log.ts";

/** Makes the log's one row at the first start; servers that start at once make one. */
async function makeState(db: Database, signer: SignerKey, vkey: string): Promise<LogStateRow> {
  const origin = signer.name;
  const checkpoint = signNote(formatCheckpoint({ origin, size: 0, root: EMPTY_ROOT }), signer);
  return db.write(async (session) => {
    const { logState } = session.tables;
    const state = { id: 1, origin, vkey, size: 0, root: EMPTY_ROOT.toString("hex"), checkpoint };
    await session.query.insert(logState).values(state).onConflictDoNothing();
    return readState(session);
  });
}

/** A log that goes on under another name or key is another log: nobody who verified the first would accept it. */
function requireSameLog({ origin, vkey }: LogStateRow, signer: SignerKey, ownKey: string): void {
  if (origin !== signer.name) {
    const message = `this database has the log ${origin}, not ${signer.name}; leave LOG_ORIGIN out, or set it to that`;
    throw new ConfigError([{ setting: "LOG_ORIGIN", message }]);
  }
  if (vkey === ownKey) return;
  const message = `is not the key of the log in this database, whose verifier key is ${vkey}; put the right one back`;
  throw new ConfigError([{ setting: "LOG_SIGNING_KEY", message }]);
}

/**
 * Opens the log of a database, making it at the first start, and logs what an earlier version published. Throws
 * `ConfigError` when the database has a log of another origin or key. After a rollback it is opened for reading.
 */
export async function openLog(
  { db, blobs, failpoints }: { readonly db: Database; readonly blobs: BlobStore; readonly failpoints?: Failpoints },
  signer: SignerKey,
): Promise<TransparencyLog> {
  const verifier = verifierOf(signer);
  const vkey = formatVerifierKey(verifier);
  const state = await makeState(db, signer, vkey);
  requireSameLog(state, signer, vkey);
  const log = new TransparencyLog(signer, await findRollback({ db, blobs }, verifier), failpoints);
  if (log.rollback === undefined && !state.hasExisting) await logExisting({ db, log });
  return log;
}
