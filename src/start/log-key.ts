import type { Config } from "../config/config.ts";
import { readOrMakeLogKey } from "../config/log-key.ts";
import type { Database } from "../db/database.ts";
import { knownLogKey } from "../log/log-rows.ts";
import type { SignerKey } from "../tlog/note.ts";
import { startStep } from "./start-step.ts";

/**
 * Returns the key of the log: the setting, or with SQLite a file that is created once, with the
 * log.
 */
export async function logKeyOf({ logKey, logOrigin, dataDir }: Config, db: Database): Promise<SignerKey> {
  if (logKey !== undefined) return logKey.reveal();
  const existing = await db.read(knownLogKey);
  const make = () => readOrMakeLogKey(dataDir, logOrigin, existing);
  return (await startStep("DATA_DIR", `${dataDir} cannot hold log.key`, make)).reveal();
}
