import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../errors.ts";
import { KeyFileError, readKeyFileLines, readOrMakeKeyFile, replaceKeyFile } from "./key-file.ts";
import { Secret } from "./secret.ts";

/** HS256 needs a key that is at least as long as its digest (RFC 7518 §3.2). */
const JWT_KEY_MIN_BYTES = 32;

/** Parts of keys in tutorials and sample files. Everyone knows a key that was copied from there. */
const SAMPLE_KEY_PARTS = [
  "your-256-bit-secret",
  "your-super-secret",
  "yoursupersecret",
  "supersecretkey",
  "your_secret",
  "your-secret",
  "yoursecretkey",
  "secretkeythatis",
  "changeme",
  "change-me",
  "change_me",
  "change this",
  "replace-me",
  "mysecret",
  "my-secret",
  "0123456789",
  "abcdefghij",
];

/**
 * Explains why a text cannot be the key that signs sessions. Undefined if it can. Never repeats the
 * text.
 */
export function jwtKeyProblem(text: string): string | undefined {
  if (Buffer.byteLength(text) < JWT_KEY_MIN_BYTES) {
    return `must be at least ${JWT_KEY_MIN_BYTES} bytes long. Make one: openssl rand -base64 48`;
  }
  const folded = text.toLowerCase();
  if (new Set(text).size < 8 || SAMPLE_KEY_PARTS.some((part) => folded.includes(part))) {
    return "is a well-known sample or too simple. Make your own: openssl rand -base64 48";
  }
  return undefined;
}

/** Keys that verify sessions. The first one signs. */
export type JwtKeys = readonly [string, ...string[]];

/** Present and previous key. More would only keep old keys alive. */
const KEYS_MAX = 2;

/**
 * Parses the setting JWT_KEY: one key, or a new and an old one with a space between them. Only words
 * that are keys by themselves are several keys, because a single key may have spaces. Returns the
 * problem if the setting cannot be used.
 */
export function parseJwtKeys(text: string): { readonly keys: JwtKeys } | { readonly problem: string } {
  const words = text.trim().split(/\s+/);
  const areKeys = words.every((word) => Buffer.byteLength(word) >= JWT_KEY_MIN_BYTES);
  const [first = text, ...others] = areKeys ? words : [text];
  if (others.length >= KEYS_MAX) return { problem: "may have two keys: the new one, a space, and the old one" };
  const keys: JwtKeys = [first, ...others];
  const problem = keys.map(jwtKeyProblem).find((each) => each !== undefined);
  return problem === undefined ? { keys } : { problem };
}

/** The path of the session keys of a registry with SQLite. */
export function jwtKeyPath(dataDir: string): string {
  return join(dataDir, "jwt.key");
}

function makeJwtKey(): string {
  return randomBytes(48).toString("base64");
}

/**
 * Reads the session keys of a registry with SQLite from `jwt.key` in the data directory, one a line,
 * or creates one at the first start. Throws if the directory cannot be written, and `KeyFileError`
 * if the file contains a key that must not be used.
 */
export function readOrMakeJwtKeys(dataDir: string): Secret<JwtKeys> {
  const path = jwtKeyPath(dataDir);
  const lines = readOrMakeKeyFile(path, makeJwtKey).split("\n");
  const [first = "", ...others] = lines.map((line) => line.trim()).filter((line) => line !== "");
  const keys: JwtKeys = [first, ...others];
  const problem = keys.map(jwtKeyProblem).find((each) => each !== undefined);
  if (problem !== undefined) throw new KeyFileError(`${path} ${problem}`);
  return new Secret(keys);
}

/** The file has the time at which a registry began to sign with the first of two keys. */
function sincePath(dataDir: string): string {
  return `${jwtKeyPath(dataDir)}.since`;
}

/** An old key in `jwt.key`. */
export interface OldJwtKey {
  /** From when on a registry signs with the new key. Undefined if none was started with it yet. */
  readonly unusedSince: Date | undefined;
}

/**
 * Returns the old key that `jwt.key` keeps after a rotation. Undefined if there is none. Throws as
 * `readOrMakeJwtKeys` does.
 */
export function readOldJwtKey(dataDir: string): OldJwtKey | undefined {
  if (readOrMakeJwtKeys(dataDir).reveal().length === 1) return undefined;
  const [text = ""] = readKeyFileLines(sincePath(dataDir));
  const unusedSince = new Date(text);
  return { unusedSince: Number.isNaN(unusedSince.getTime()) ? undefined : unusedSince };
}

/**
 * Writes down that a registry begins to sign with the first key of `jwt.key`, if the file keeps an
 * old one and no earlier start did so. The sessions of the old key end from then on.
 *
 * Failing to write it stops no start. The old key then only stays until a later start writes it.
 */
export function noteNewJwtKeyInUse(dataDir: string, keys: JwtKeys, now: Date): void {
  if (keys.length === 1) return;
  try {
    writeFileSync(sincePath(dataDir), `${now.toISOString()}\n`, { mode: 0o600, flag: "wx", flush: true });
  } catch (cause) {
    if (errorCode(cause) === undefined) throw cause;
  }
}

/**
 * Writes a new key into `jwt.key`, durably. The present key stays in the second line, so that
 * sessions which it signed go on. Throws as `readOrMakeJwtKeys` does.
 */
export function rotateJwtKey(dataDir: string): void {
  const [present] = readOrMakeJwtKeys(dataDir).reveal();
  rmSync(sincePath(dataDir), { force: true });
  replaceKeyFile(jwtKeyPath(dataDir), [makeJwtKey(), present]);
}

/**
 * Removes every key but the present one from `jwt.key`, durably. Throws as `readOrMakeJwtKeys` does.
 */
export function dropOldJwtKeys(dataDir: string): void {
  const [present] = readOrMakeJwtKeys(dataDir).reveal();
  replaceKeyFile(jwtKeyPath(dataDir), [present]);
  rmSync(sincePath(dataDir), { force: true });
}
