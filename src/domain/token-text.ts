import { crc32 } from "node:zlib";

/*
 * The text of an API token: `cpm_`, 30 base62 characters, and the CRC-32 of those 30 as 6 base62
 * characters. The prefix lets scanners find a leaked token. The checksum distinguishes a token from
 * look-alikes without a query to the database.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS = 30;
const CHECKSUM_CHARS = 6;
/**
 * The largest multiple of 62 in a byte. A byte above it would make the first characters likelier.
 */
const UNBIASED_BELOW = 248;
const TOKEN = /^cpm_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

function checksumOf(random: string): string {
  let rest = crc32(random);
  let text = "";
  for (let at = 0; at < CHECKSUM_CHARS; at += 1) {
    text = (ALPHABET[rest % ALPHABET.length] ?? "") + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

/**
 * Makes the text of a token from random bytes. Some bytes are skipped, so pass 64 or more. Throws
 * if too few are usable.
 */
export function tokenTextOf(random: Uint8Array): string {
  const usable = random.filter((byte) => byte < UNBIASED_BELOW).subarray(0, RANDOM_CHARS);
  if (usable.length < RANDOM_CHARS) throw new Error("Too few random bytes for a token");
  const text = Array.from(usable, (byte) => ALPHABET[byte % ALPHABET.length] ?? "").join("");
  return `cpm_${text}${checksumOf(text)}`;
}

/**
 * Returns whether a text has the form and the checksum of a token. Only the database knows whether
 * the token exists.
 */
export function isTokenText(text: string): boolean {
  const [, random = "", checksum] = TOKEN.exec(text) ?? [];
  return checksum !== undefined && checksumOf(random) === checksum;
}
