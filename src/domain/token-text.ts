import { crc32 } from "node:zlib";

/*
 * The text of an API token: `cpm_`, 30 base62 characters, and the CRC-32 of those 30 as 6 base62 characters. The
 * prefix lets scanners find a leaked one, the checksum tells one from its look-alikes without asking the database.
 */

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS = 30;
const CHECKSUM_CHARS = 6;
/** The largest multiple of 62 in a byte: a byte above it would make the first characters likelier. */
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

/** Makes a token's text of random bytes; some are left out, so give 64 or more. Throws when too few are of use. */
export function tokenTextOf(random: Uint8Array): string {
  const usable = random.filter((byte) => byte < UNBIASED_BELOW).subarray(0, RANDOM_CHARS);
  if (usable.length < RANDOM_CHARS) throw new Error("Too few random bytes for a token");
  const text = Array.from(usable, (byte) => ALPHABET[byte % ALPHABET.length] ?? "").join("");
  return `cpm_${text}${checksumOf(text)}`;
}

/** Tells whether a text has the form and the checksum of a token; whether there is such a token only the database knows. */
export function isTokenText(text: string): boolean {
  const [, random = "", checksum] = TOKEN.exec(text) ?? [];
  return checksum !== undefined && checksumOf(random) === checksum;
}
