import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { errorCode } from "../errors.ts";

/** A key file is missing or contains something else. The operator must put the right one back. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
}

/** Reads a file without its last line end. Undefined if it does not exist. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    return undefined;
  }
}

/**
 * Reads a key file, or creates it at the first start: one line, mode 0600. Servers that start at
 * the same time agree on one key, because `link` never overwrites. A key is durable before anybody
 * signs with it. Throws if the directory cannot be written.
 */
export function readOrMakeKeyFile(path: string, make: () => string): string {
  mkdirSync(dirname(path), { recursive: true });
  const found = readText(path);
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
  syncDirectoryOf(path);
  return readText(path) ?? "";
}

/** Reads the lines of a key file. Empty if it does not exist. */
export function readKeyFileLines(path: string): readonly string[] {
  return (readText(path) ?? "").split("\n").filter((line) => line !== "");
}

/**
 * Replaces a key file by one with these lines, mode 0600. It is durable when this returns, and a
 * crash leaves the old file or the new one.
 */
export function replaceKeyFile(path: string, lines: readonly string[]): void {
  const written = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    writeFileSync(written, lines.map((line) => `${line}\n`).join(""), { mode: 0o600, flag: "wx", flush: true });
    renameSync(written, path);
  } catch (cause) {
    rmSync(written, { force: true });
    throw cause;
  }
  syncDirectoryOf(path);
}

function syncDirectoryOf(path: string): void {
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
