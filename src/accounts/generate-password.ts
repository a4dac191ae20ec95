/** 20 characters, 120 random bits. */
const RANDOM_BYTES = 15;

/** Generates a password. Whoever calls must show it, because nobody else knows it. */
export function generatePassword(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(RANDOM_BYTES))).toString("base64url");
}
