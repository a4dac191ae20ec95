import { availableParallelism } from "node:os";
import { Semaphore } from "../runtime/semaphore.ts";

export const PASSWORD_MIN_CHARS = 10;
export const PASSWORD_MAX_CHARS = 1_024;

/** OWASP's first choice for argon2id: 19 MiB, two passes. A login costs about 20 ms of one core. */
const ARGON2ID = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

/**
 * Hashing fills cores and memory, so no more than the cores hash at once, and no more than this
 * many wait.
 */
const WAITING_MAX = 64;

const hashing = new Semaphore(availableParallelism(), WAITING_MAX);

/**
 * One spelling of the same characters, so that a password typed on another keyboard is the same
 * (RFC 8265 §4.2).
 */
function normalised(password: string): string {
  return password.normalize("NFKC");
}

/** Hashes a password with argon2id. Throws `busy` when too many are waiting. */
export function hashPassword(password: string): Promise<string> {
  return hashing.run(() => Bun.password.hash(normalised(password), ARGON2ID));
}

/**
 * The hash of a random text nobody kept, with the parameters above. Made beforehand: hashing one at
 * the first login would double that login's memory, and give its time away.
 */
const DUMMY_HASH =
  "$argon2id$v=19$m=19456,t=2,p=1$vWnjVtm9vXO24h2KD//UUj5upY8qCMBZWEzUVf4GmiM$LtVPyWyhJ1gfjtZCPYrC2ozFEZo5WF7ApTv/U+DPCBE";

/**
 * Tells whether a password belongs to a hash. Without a hash it takes the same time and answers
 * false, so that nobody learns from the clock which accounts there are. Throws `busy` when too many
 * are waiting.
 */
export async function verifyPassword(password: string, hash: string | undefined): Promise<boolean> {
  const known = hash ?? DUMMY_HASH;
  const matches = await hashing.run(() => Bun.password.verify(normalised(password), known));
  return matches && hash !== undefined;
}
