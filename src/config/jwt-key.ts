import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { KeyFileError, readOrMakeKeyFile } from "./key-file.ts";
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

/**
 * Reads the session key of a registry with SQLite from `jwt.key` in the data directory, or creates
 * it at the first start. Throws if the directory cannot be written, and `KeyFileError` if the file
 * contains a key that must not be used.
 */
export function readOrMakeJwtKey(dataDir: string): Secret<string> {
  const path = join(dataDir, "jwt.key");
  const key = readOrMakeKeyFile(path, () => randomBytes(48).toString("base64"));
  const problem = jwtKeyProblem(key);
  if (problem !== undefined) throw new KeyFileError(`${path} ${problem}`);
  return new Secret(key);
}
