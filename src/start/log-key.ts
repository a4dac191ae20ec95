import type { Config } from "../config/config.ts";
import { KeyFileError } from "../config/key-file.ts";
import { readOrMakeLogKey } from "../config/log-key.ts";
import type { Database } from "../db/database.ts";
import { knownLogKey } from "../log/log-rows.ts";
import type { SignerKey } from "../tlog/note.ts";
import { startStep } from "./start-step.ts";

/**
 * Returns the key of the log: the setting, or with SQLite a file that is created once, with the
 * log. Returns undefined if the log exists and the file is missing or contains no key: the registry
 * can still serve reads.
 */
export async function logKeyOf({ logKey, logOrigin, dataDir }: Config, db: Database): Promise<SignerKey | undefined> {
  if (logKey !== undefined) return logKey.reveal();
  const existing = await db.read(knownLogKey);
  try {
    const make = () => readOrMakeLogKey(dataDir, logOrigin, existing);
    return (await startStep("DATA_DIR", `${dataDir} cannot hold log.key`, make)).reveal();
  } catch (cause) {
    if (existing !== undefined && cause instanceof KeyFileError) return undefined;
    throw cause;
  }
}
