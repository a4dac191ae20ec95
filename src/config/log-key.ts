import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { ED25519, formatSignerKey, parseSignerKey, type SignerKey } from "../tlog/note.ts";
import { KeyFileError, readKeyFileLines, readOrMakeKeyFile, replaceKeyFile } from "./key-file.ts";
import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting-reader.ts";

/**
 * Makes a key that signs the log of this origin, in the form of signed notes:
 * `PRIVATE+KEY+<origin>+<id>+<key>`.
 */
export function makeLogKey(origin: string): string {
  return formatSignerKey(origin, randomBytes(32));
}

/**
 * Parses signer keys of logs, one a line or with spaces between them. Returns undefined if there is
 * none, or if one of the words is no such key.
 */
export function parseLogKeys(text: string): readonly SignerKey[] | undefined {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const keys = words.map(parseSignerKey).filter((key) => key?.type === ED25519);
  const whole = keys.filter((key) => key !== undefined);
  return whole.length > 0 && whole.length === words.length ? whole : undefined;
}

/** The path of the log key of a registry with SQLite. */
export function logKeyPath(dataDir: string): string {
  return join(dataDir, "log.key");
}

/** The path of the file that the command holds locked which changes `log.key`. */
export function logKeyLockPath(dataDir: string): string {
  return join(dataDir, "log.key.lock");
}

/**
 * Reads the log keys of a registry with SQLite from `log.key` in the data directory, or creates one
 * at the first start. From then on, the name of the key is the log's origin. After a rotation the
 * file has the old key too. `existing` is the verifier key of a log that exists already; no key is
 * created for it. Throws if the directory cannot be written, and `KeyFileError` if the file
 * contains no key or must be put back.
 */
export function readOrMakeLogKeys(dataDir: string, origin: string, existing?: string): Secret<readonly SignerKey[]> {
  const path = logKeyPath(dataDir);
  const make = () => {
    if (existing === undefined) return makeLogKey(origin);
    throw new KeyFileError(`${path} is missing, but the database has the log of ${existing}. Put the right file back.`);
  };
  const keys = parseLogKeys(readOrMakeKeyFile(path, make));
  if (keys === undefined) throw new KeyFileError(`${path} contains no signing key of a log. Put the right file back.`);
  return new Secret(keys);
}

/** Replaces `log.key` by a file with these keys, the first one in the first line, durably. */
export function writeLogKeys(dataDir: string, keys: readonly string[]): void {
  replaceKeyFile(logKeyPath(dataDir), keys);
}

/** Reads the lines of `log.key`, which may be keys of another log. Empty if there is no file. */
export function readLogKeyLines(dataDir: string): readonly string[] {
  return readKeyFileLines(logKeyPath(dataDir));
}

/**
 * Reads `LOG_SIGNING_KEY`, which may be left out unless it is required. Notes in the reader what is
 * wrong with it, also if it is not a key of the origin that is set.
 */
export function readLogKeySetting(
  reader: SettingReader,
  origin: string,
  isRequired: boolean,
): Secret<readonly SignerKey[]> | undefined {
  const text = reader.text("LOG_SIGNING_KEY");
  if (text === undefined) {
    if (isRequired) {
      const why = "is required with Postgres, so that all servers sign with the same key";
      const known = "If this registry has a log already, set the key of that log, which is among your secrets";
      const moved = "after a move from SQLite it is the content of log.key";
      const how = `Only for a new registry, make one and keep it safe: cpm-registry log make-key ${origin}`;
      reader.reject("LOG_SIGNING_KEY", `${why}. ${known}: ${moved}. ${how}`);
    }
    return undefined;
  }
  const keys = parseLogKeys(text);
  if (keys === undefined)
    reader.reject(
      "LOG_SIGNING_KEY",
      "must have the form PRIVATE+KEY+<origin>+<id>+<key>, as cpm-registry log make-key prints it",
    );
  else if (reader.text("LOG_ORIGIN") !== undefined && !keys.some(({ name }) => name === origin)) {
    reader.reject(
      "LOG_SIGNING_KEY",
      `is the key of ${keys[0]?.name}, but LOG_ORIGIN is ${origin}. Make them equal, or leave LOG_ORIGIN out`,
    );
  }
  return keys && new Secret(keys);
}
