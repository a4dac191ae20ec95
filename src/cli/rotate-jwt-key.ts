import { SESSION_SECONDS } from "../accounts/login.ts";
import { dropOldJwtKeys, jwtKeyPath, rotateJwtKey } from "../config/jwt-key.ts";
import { print, printError, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { UsageError } from "./usage.ts";

const SESSION_HOURS = SESSION_SECONDS / 3_600;

/** Options of `admin rotate-jwt-key`. */
export interface RotateJwtKeyArguments {
  readonly config: string | undefined;
  readonly finish: boolean;
  readonly endSessions: boolean;
  readonly json: boolean;
}

/**
 * Replaces the key of sessions in `jwt.key`, or removes the old one with `finish`. Returns 1 where
 * the key is a setting. Throws `UsageError`, and `KeyFileError` if the file has something else.
 */
export async function adminRotateJwtKey({ config, finish, endSessions, json }: RotateJwtKeyArguments): Promise<number> {
  if (finish && endSessions) throw new UsageError("Give --finish or --end-sessions, not both.");
  const { dataDir, jwtKeys, database } = readOfflineConfig(config);
  if (jwtKeys !== undefined || database.kind !== "sqlite") {
    printError(`cpm-registry admin rotate-jwt-key failed: ${IN_SETTINGS}`);
    if (json) printJson({ changed: false, refused: IN_SETTINGS });
    return 1;
  }
  const changed = finish ? dropOldJwtKeys(dataDir) : true;
  if (!finish) rotateJwtKey(dataDir, !endSessions);
  const path = jwtKeyPath(dataDir);
  if (json) printJson({ changed, path, oldKeyAccepted: !finish && !endSessions });
  else print(textOf(path, { finish, endSessions, changed }));
  return 0;
}

const IN_SETTINGS =
  "JWT_KEY is a setting, so there is no file to change. Set it to a new key (openssl rand -base64 48) and the present " +
  `one, with a space between them, and restart every server. ${SESSION_HOURS} hours later leave the new key alone there.`;

function textOf(
  path: string,
  {
    finish,
    endSessions,
    changed,
  }: { readonly finish: boolean; readonly endSessions: boolean; readonly changed: boolean },
): string {
  if (finish && !changed) return `${path} has one key, and no old one to remove.`;
  if (finish) return `Removed the old key from ${path}. Restart the registry to forget it.`;
  const begin = `${path} has a new key, which signs sessions after a restart.`;
  if (endSessions) return `${begin} Every session ends then.`;
  return `${begin} Sessions of the old key go on. ${SESSION_HOURS} hours after the restart, remove it with --finish.`;
}
