import { crc32, gzipSync } from "node:zlib";
import { bytesOf, concat } from "../../support/archive-maker.ts";
import { oneOf, type Random } from "../../support/random.ts";

const FLAG_HEADER_CRC = 0x02;
const FLAG_EXTRA = 0x04;
const FLAG_NAME = 0x08;
const FLAG_COMMENT = 0x10;

/**
 * Compresses bytes to gzip in one of the forms of RFC 1952. One in sixteen is followed by bytes
 * that RFC 1952 does not define.
 */
export function gzipOf(bytes: Uint8Array, random: Random): Uint8Array {
  const zipped = gzipSync(bytes, { level: random(10), memLevel: 1 + random(9), strategy: random(5) });
  const plain = random(2) === 0 ? new Uint8Array(zipped) : concat([headerFrom(random), zipped.subarray(10)]);
  if (random(16) !== 0) return plain;
  return concat([plain, oneOf(random, [new Uint8Array(1), new Uint8Array(512), bytesOf("x"), plain, gzipSync("")])]);
}

function headerFrom(random: Random): Uint8Array {
  const flags = random(32);
  const stated = [random(256), random(256), random(256), random(256), random(256), random(256)];
  const parts: Uint8Array[] = [new Uint8Array([0x1f, 0x8b, 8, flags, ...stated])];
  if ((flags & FLAG_EXTRA) !== 0) {
    const length = oneOf(random, [0, 4, 300, 3_000]);
    parts.push(new Uint8Array([length & 0xff, length >> 8]), new Uint8Array(length).fill(random(256)));
  }
  const text = () =>
    bytesOf(`${oneOf(random, ["", "package.tar", "ä", "0.cpm", "a b", "x".repeat(511), "y".repeat(random(600))])}\0`);
  if ((flags & FLAG_NAME) !== 0) parts.push(text());
  if ((flags & FLAG_COMMENT) !== 0) parts.push(text());
  const header = concat(parts);
  if ((flags & FLAG_HEADER_CRC) === 0) return header;
  const checksum = crc32(header) & 0xffff;
  return concat([header, new Uint8Array([checksum & 0xff, checksum >> 8])]);
}
