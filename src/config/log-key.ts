import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { formatSignerKey, parseSignerKey, type SignerKey } from "../tlog/note.ts";
import { KeyFileError, readOrMakeKeyFile } from "./key-file.ts";
import { Secret } from "./secret.ts";

/** Makes a key that signs a log of this origin, in the form of signed notes: `PRIVATE+KEY+<origin>+<id>+<key>`. */
export function makeLogKey(origin: string): string {
  return formatSignerKey(origin, randomBytes(32));
}

/** Where an embedded registry keeps the key of its log. */
export function logKeyPath(dataDir: string): string {
  return join(dataDir, "log.key");
}

/**
 * Reads the key of an embedded registry's log, or makes it on the first start: `log.key` in the data directory. Its
 * name is the log's origin from then on. `existing` is the verifier key of a log that is there already, for which none is made.
 * Throws when the directory cannot be written, and `KeyFileError` when the file holds no key or must be put back.
 */
export function readOrMakeLogKey(dataDir: string, origin: string, existing?: string): Secret<SignerKey> {
  const path = logKeyPath(dataDir);
  const make = () => {
    if (existing === undefined) return makeLogKey(origin);
    throw new KeyFileError(`${path} is gone, and the database has the log of ${existing}; put the right file back`);
  };
  const key = parseSignerKey(readOrMakeKeyFile(path, make));
  if (key === undefined) throw new KeyFileError(`${path} holds no signing key of a log; put the right file back`);
  return new Secret(key);
}
