import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { formatSignerKey, parseSignerKey, type SignerKey } from "../tlog/note.ts";
import { readOrMakeKeyFile } from "./key-file.ts";
import { Secret } from "./secret.ts";

/** Makes a key that signs a log of this origin, in the form of signed notes: `PRIVATE+KEY+<origin>+<id>+<key>`. */
export function makeLogKey(origin: string): string {
  return formatSignerKey(origin, randomBytes(32));
}

/**
 * Reads the key of an embedded registry's log, or makes it on the first start: `log.key` in the data directory. Its
 * name is the log's origin from then on. Throws when the directory cannot be written or the file holds no key.
 */
export function readOrMakeLogKey(dataDir: string, origin: string): Secret<SignerKey> {
  const path = join(dataDir, "log.key");
  const key = parseSignerKey(readOrMakeKeyFile(path, () => makeLogKey(origin)));
  if (key === undefined) throw new Error(`${path} holds no signing key of a log`);
  return new Secret(key);
}
