import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { formatSignerKey, parseSignerKey, type SignerKey } from "../tlog/note.ts";
import { KeyFileError, readOrMakeKeyFile } from "./key-file.ts";
import { Secret } from "./secret.ts";

/**
 * Makes a key that signs the log of this origin, in the form of signed notes:
 * `PRIVATE+KEY+<origin>+<id>+<key>`.
 */
export function makeLogKey(origin: string): string {
  return formatSignerKey(origin, randomBytes(32));
}

/** The path of the log key of a registry with SQLite. */
export function logKeyPath(dataDir: string): string {
  return join(dataDir, "log.key");
}

/**
 * Reads the log key of a registry with SQLite from `log.key` in the data directory, or creates it
 * at the first start. From then on, the name of the key is the log's origin. `existing` is the
 * verifier key of a log that exists already; no key is created for it. Throws if the directory
 * cannot be written, and `KeyFileError` if the file contains no key or must be put back.
 */
export function readOrMakeLogKey(dataDir: string, origin: string, existing?: string): Secret<SignerKey> {
  const path = logKeyPath(dataDir);
  const make = () => {
    if (existing === undefined) return makeLogKey(origin);
    throw new KeyFileError(`${path} is missing, but the database has the log of ${existing}. Put the right file back.`);
  };
  const key = parseSignerKey(readOrMakeKeyFile(path, make));
  if (key === undefined) throw new KeyFileError(`${path} contains no signing key of a log. Put the right file back.`);
  return new Secret(key);
}
