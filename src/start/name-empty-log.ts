import type { BlobStore } from "../blobs/store.ts";
import type { Config } from "../config/config.ts";
import { makeLogKey, readLogKeyLines, writeLogKeys } from "../config/log-key.ts";
import type { Database } from "../db/database.ts";
import { renameEmptyLog, unpublishedLog } from "../log/rename-log.ts";
import { parseSignerKey } from "../tlog/note.ts";
import { startStep } from "./start-step.ts";

/**
 * Gives a log without leaves the name of the settings, with a new key. At the first start of a
 * registry, `PUBLIC_URL` is often not set yet, and its log would be called `localhost` for ever.
 * Returns true if the log has a new key.
 *
 * Only a key that this program made is replaced. The file has both keys until the database has the
 * new name, so a crash leaves a log with its key.
 */
export async function nameEmptyLog(
  { logKeys, logOrigin, dataDir }: Config,
  { db, blobs }: { readonly db: Database; readonly blobs: BlobStore },
): Promise<boolean> {
  if (logKeys !== undefined) return false;
  const origin = await unpublishedLog({ db, blobs });
  if (origin === undefined || origin === logOrigin) return false;
  const old = readLogKeyLines(dataDir);
  const made = makeLogKey(logOrigin);
  const signer = parseSignerKey(made);
  if (signer === undefined || !old.some((line) => parseSignerKey(line)?.name === origin)) return false;
  await startStep("DATA_DIR", `${dataDir} cannot hold log.key`, () => writeLogKeys(dataDir, [made, ...old]));
  const isRenamed = await renameEmptyLog(db, signer);
  writeLogKeys(dataDir, isRenamed ? [made] : old);
  return isRenamed;
}
