import { crc32 } from "node:zlib";
import { GZIP_HEADER_MAX_BYTES } from "../domain/limits.ts";
import { UnreadableArchive } from "./archive-fault.ts";
import type { ChunkSource } from "./chunk-source.ts";
import { FORMAT_BYTES, fileFormat } from "./file-format.ts";

// RFC 1952 §2.3.1, the FLG byte. Bit 0 (FTEXT) is only a hint.
const FLAG_HEADER_CRC = 0x02;
const FLAG_EXTRA = 0x04;
const FLAG_NAME = 0x08;
const FLAG_COMMENT = 0x10;
const FLAGS_RESERVED = 0xe0;

const FIXED_BYTES = 10;
const METHOD_DEFLATE = 8;

/** Go's `compress/gzip` refuses a header whose file name or comment is longer. */
const TEXT_MAX_BYTES = 511;

/**
 * Reads the header of a gzip member (RFC 1952 §2.3) and leaves the source at the first byte of the
 * deflate stream. Throws `UnreadableArchive` if there is no such header.
 */
export async function readGzipHeader(source: ChunkSource): Promise<void> {
  let header: Uint8Array = new Uint8Array(0);
  for (;;) {
    const chunk = await source.read();
    if (chunk === undefined) throw endedInHeader(header);
    // The header is almost always in the first chunk, and then nothing is copied.
    header = header.length === 0 ? chunk : joined(header, chunk);
    if (!startsLikeGzip(header)) throw await notGzip(header, source);
    const end = headerEnd(header);
    if (end !== undefined) {
      source.putBack(header.subarray(end));
      return;
    }
    if (header.length > GZIP_HEADER_MAX_BYTES) throw tooLong();
  }
}

/** Returns the length of a complete header, or `undefined` while bytes are missing. */
function headerEnd(bytes: Uint8Array): number | undefined {
  const flags = bytes[3];
  if (bytes.length < FIXED_BYTES || flags === undefined) return undefined;
  if (bytes[2] !== METHOD_DEFLATE) throw badHeader("names a compression method other than deflate");
  if ((flags & FLAGS_RESERVED) !== 0) throw badHeader("sets reserved flags");
  const end = optionalFieldsEnd(bytes, flags);
  if (end !== undefined && end > GZIP_HEADER_MAX_BYTES) throw tooLong();
  if (end === undefined || (flags & FLAG_HEADER_CRC) === 0) return end;
  const low = bytes[end];
  const high = bytes[end + 1];
  if (low === undefined || high === undefined) return undefined;
  if ((low | (high << 8)) !== (crc32(bytes.subarray(0, end)) & 0xffff)) throw badHeader("has a wrong header checksum");
  return end + 2;
}

function optionalFieldsEnd(bytes: Uint8Array, flags: number): number | undefined {
  let at: number | undefined = FIXED_BYTES;
  if ((flags & FLAG_EXTRA) !== 0) {
    const low = bytes[at];
    const high = bytes[at + 1];
    if (low === undefined || high === undefined) return undefined;
    at += 2 + (low | (high << 8));
  }
  if ((flags & FLAG_NAME) !== 0) at = afterZero(bytes, at);
  if ((flags & FLAG_COMMENT) !== 0) at = afterZero(bytes, at);
  return at !== undefined && at <= bytes.length ? at : undefined;
}

function afterZero(bytes: Uint8Array, from: number | undefined): number | undefined {
  if (from === undefined) return undefined;
  const zero = bytes.indexOf(0, from);
  if ((zero === -1 ? bytes.length : zero) - from > TEXT_MAX_BYTES) {
    throw badHeader(`has a file name or comment of more than ${TEXT_MAX_BYTES} bytes`);
  }
  return zero === -1 ? undefined : zero + 1;
}

function startsLikeGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && (bytes.length < 2 || bytes[1] === 0x8b);
}

/** Reads the first bytes to find out what was sent, and returns a fault that names it. */
async function notGzip(start: Uint8Array, source: ChunkSource): Promise<UnreadableArchive> {
  let bytes = start;
  while (bytes.length < FORMAT_BYTES) {
    const chunk = await source.read();
    if (chunk === undefined) break;
    bytes = joined(bytes, chunk);
  }
  const format = fileFormat(bytes);
  const what = format === undefined ? "" : `, it is ${format}`;
  const message = `the archive is not gzip-compressed${what}: ${adviceFor(format)}`;
  return new UnreadableArchive("not_gzip", message);
}

function adviceFor(format: string | undefined): string {
  if (format === "a plain tar") return "compress it with gzip -n, or pack with tar -czf instead of tar -cf";
  if (format === "an HTML page")
    return "a server answered with a page instead of the file, check the address of the download";
  return "upload the .cpm file that cpm made, or pack with tar -czf package.cpm -C folder .";
}

function endedInHeader(header: Uint8Array): UnreadableArchive {
  if (header.length === 0) return new UnreadableArchive("archive_empty", "the archive is empty: upload the .cpm file");
  return new UnreadableArchive("gzip_truncated", "the archive ends inside its gzip header: upload it again, complete");
}

function badHeader(what: string): UnreadableArchive {
  return new UnreadableArchive("gzip_bad_header", `the gzip header ${what}: pack the archive again with cpm`);
}

function tooLong(): UnreadableArchive {
  return badHeader(`is longer than ${GZIP_HEADER_MAX_BYTES} bytes`);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
