import { SESSION_SECONDS } from "../accounts/login.ts";
import type { Config } from "../config/config.ts";
import {
  dropOldJwtKeys,
  jwtKeyPath,
  type OldJwtKey,
  readOldJwtKey,
  readOrMakeJwtKeys,
  rotateJwtKey,
} from "../config/jwt-key.ts";
import { print, printJson } from "../runtime/print.ts";
import { readOfflineConfig } from "../start/data-owner.ts";
import { openOffline, requireDatabase } from "../start/open-offline.ts";
import { systemClock } from "../start/system-clock.ts";
import { resealSecrets } from "../webhooks/reseal-secrets.ts";
import { reportRefusal } from "./refused.ts";
import { UsageError } from "./usage.ts";

const SESSION_HOURS = SESSION_SECONDS / 3_600;

/** Options of `admin rotate-jwt-key`. */
export interface RotateJwtKeyArguments {
  readonly config: string | undefined;
  readonly finish: boolean;
  readonly endSessions: boolean;
  /** Whether an old key goes although sessions need it. */
  readonly now: boolean;
  readonly json: boolean;
}

/**
 * Replaces the key of sessions in `jwt.key`, or removes the old one with `finish`. Returns 1 where
 * the key is a setting, and while sessions need an old key that would go. Throws `UsageError`, and
 * `KeyFileError` if the file has something else.
 */
export async function adminRotateJwtKey(given: RotateJwtKeyArguments): Promise<number> {
  const { config, finish, endSessions, now, json } = given;
  if (finish && endSessions) throw new UsageError("Give --finish or --end-sessions, not both.");
  const read = readOfflineConfig(config);
  const { dataDir, jwtKeys, database } = read;
  if (jwtKeys !== undefined || database.kind !== "sqlite")
    return reportRefusal("admin rotate-jwt-key", IN_SETTINGS, json);
  // Whoever names the wrong directory must not get a key there.
  requireDatabase(database);
  const old = readOldJwtKey(dataDir);
  const isNeeded = old !== undefined && (old.unusedSince === undefined || systemClock() < endOf(old.unusedSince));
  if (isNeeded && !now && !endSessions) return reportRefusal("admin rotate-jwt-key", tooEarlyText(old, finish), json);
  const changed = !finish || old !== undefined;
  await replaceKeys(read, given, old !== undefined);
  const path = jwtKeyPath(dataDir);
  if (json) printJson({ changed, path, oldKeyAccepted: !finish && !endSessions });
  else print(textOf(path, { ...given, changed }));
  return 0;
}

/**
 * Makes a new key, or removes old ones. A key only goes once the secrets of webhooks, which are
 * encrypted with it, are encrypted with the one that stays.
 */
async function replaceKeys(
  config: Config,
  { finish, endSessions }: Pick<RotateJwtKeyArguments, "finish" | "endSessions">,
  hasOld: boolean,
): Promise<void> {
  const { dataDir } = config;
  if (!finish && !hasOld && !endSessions) return rotateJwtKey(dataDir);
  const { db, close } = await openOffline(config);
  try {
    await resealSecrets({ db, jwtKeys: readOrMakeJwtKeys(dataDir) });
    if (!finish) rotateJwtKey(dataDir);
    if (endSessions) await resealSecrets({ db, jwtKeys: readOrMakeJwtKeys(dataDir) });
    if (endSessions || (finish && hasOld)) dropOldJwtKeys(dataDir);
  } finally {
    await close();
  }
}

/** Returns when the last session ends that the old key signed. */
function endOf(unusedSince: Date): Date {
  return new Date(unusedSince.getTime() + SESSION_SECONDS * 1_000);
}

function tooEarlyText({ unusedSince }: OldJwtKey, finish: boolean): string {
  const again = finish ? "run it again" : "remove it with --finish before you make another";
  if (unusedSince === undefined) {
    return `no registry was started with the new key yet, so every session and webhook needs the old one. Restart the registry; ${SESSION_HOURS} hours later, ${again}. To replace a stolen key at once: --end-sessions.`;
  }
  const end = endOf(unusedSince).toISOString();
  return `sessions that need the old key last until ${end}. Then ${again}. To end them at once: --now.`;
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
  }: Pick<RotateJwtKeyArguments, "finish" | "endSessions"> & { readonly changed: boolean },
): string {
  if (finish && !changed) return `${path} has one key, and no old one to remove.`;
  if (finish) return `Removed the old key from ${path}. Restart the registry to forget it.`;
  const begin = `${path} has a new key, which signs sessions after a restart.`;
  if (endSessions) return `${begin} ${ENDED}`;
  return `${begin} Sessions of the old key go on. ${SESSION_HOURS} hours after the restart, remove it with --finish.`;
}

const ENDED = `Then everybody logs in again. Until then webhooks wait, because
the running registry cannot open their secrets any more: restart it now.`;
