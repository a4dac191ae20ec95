import { randomBytes } from "node:crypto";
import { availableParallelism } from "node:os";
import { Semaphore } from "../runtime/semaphore.ts";

/** The shortest password. */
export const PASSWORD_MIN_CHARS = 10;
/** The longest password, so that hashing it costs little. */
export const PASSWORD_MAX_CHARS = 1_024;

/** OWASP's first choice for argon2id: 19 MiB, two passes. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/**
 * The most hashes that may wait. Callers behind them get `busy` at once instead of a late answer.
 */
const WAITING_MAX = 64;

/** Hashing fills cores and memory, so only as many hashes as there are cores run at once. */
const hashing = new Semaphore(availableParallelism(), WAITING_MAX, undefined, "passwords");

/**
 * Normalises the characters, so that the same password typed on different keyboards matches (RFC
 * 8265 §4.2).
 */
function normalised(password: string): string {
  return password.normalize("NFKC");
}

/** Hashes a password with argon2id. Throws `busy` when too many are waiting. */
export function hashPassword(password: string): Promise<string> {
  return hashing.run(() => Bun.password.hash(normalised(password), ARGON2ID));
}

/** Hashes a random text that nobody knows, for an account that no password opens. Throws `busy`. */
export function hashOfNoPassword(): Promise<string> {
  return hashPassword(randomBytes(32).toString("base64"));
}

/**
 * The hash of a random text that was thrown away, with the parameters above. It is a constant,
 * because hashing one at the first login would make that login slower and use twice the memory,
 * which an attacker could measure.
 */
const DUMMY_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$vWnjVtm9vXO24h2KD//UUj5upY8qCMBZWEzUVf4GmiM$LtVPyWyhJ1gfjtZCPYrC2ozFEZo5WF7ApTv/U+DPCBE";

/**
 * Reports whether a password matches a hash. Without a hash it takes the same time and returns
 * false, so that nobody learns from the time which accounts exist. Throws `busy` if too many are
 * waiting.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const known = hash ?? DUMMY_HASH;
  const matches = await hashing.run(() => Bun.password.verify(normalised(password), known));
  return matches && hash !== undefined;
}
