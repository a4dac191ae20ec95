import type { Config } from "../config/config.ts";
import { KeyFileError } from "../config/key-file.ts";
import { parseLogKeys, readLogKeyLines, readOrMakeLogKeys } from "../config/log-key.ts";
import type { Database } from "../db/database.ts";
import { knownLogKey } from "../log/log-rows.ts";
import type { SignerKey } from "../tlog/note.ts";
import { startStep } from "./start-step.ts";

/**
 * Returns the keys of the log: the setting, or with SQLite a file that is created once, with the
 * log. Returns none if the log exists and the file is missing or contains no key of it: the
 * registry can still serve reads.
 */
export async function logKeysOf({ logKeys, logOrigin, dataDir }: Config, db: Database): Promise<readonly SignerKey[]> {
  if (logKeys !== undefined) return logKeys.reveal();
  const existing = await db.read(knownLogKey);
  try {
    const make = () => readOrMakeLogKeys(dataDir, logOrigin, existing);
    const keys = (await startStep("DATA_DIR", `${dataDir} cannot hold log.key`, make)).reveal();
    // A log that was about to begin when its command was killed has another origin.
    return existing === undefined ? keys : keys.filter((key) => existing.startsWith(`${key.name}+`));
  } catch (cause) {
    if (existing !== undefined && cause instanceof KeyFileError) return [];
    throw cause;
  }
}

/** Returns the keys of logs that this machine has, of whatever origin. Creates none. */
export function presentLogKeys({ logKeys, dataDir }: Pick<Config, "logKeys" | "dataDir">): readonly SignerKey[] {
  return logKeys?.reveal() ?? parseLogKeys(readLogKeyLines(dataDir).join("\n")) ?? [];
}
