import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../errors.ts";

/** A key file is missing or contains something else. The operator must put the right one back. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
}

/** Reads a file of one line. Undefined if it does not exist. */
function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    return undefined;
  }
}

/**
 * Reads a key file, or creates it at the first start: one line, mode 0600. Servers that start at
 * the same time agree on one key, because `link` never overwrites. Throws if the directory cannot
 * be written.
 */
export function readOrMakeKeyFile(path: string, make: () => string): string {
  mkdirSync(dirname(path), { recursive: true });
  const found = readLine(path);
  if (found !== undefined) return found;
  const candidate = `${path}.${randomBytes(6).toString("hex")}`;
  writeFileSync(candidate, `${make()}\n`, { mode: 0o600, flag: "wx", flush: true });
  try {
    linkSync(candidate, path);
  } catch (cause) {
    if (errorCode(cause) !== "EEXIST") throw cause;
  } finally {
    unlinkSync(candidate);
  }
  return readLine(path) ?? "";
}
