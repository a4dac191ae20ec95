import { hasHeaderChecksum, TAR_BLOCK_BYTES } from "./tar-header.ts";

/** The number of first bytes of a file by which `fileFormat` knows its format. */
export const FORMAT_BYTES = TAR_BLOCK_BYTES;

/** The first bytes of formats that people upload by mistake. */
const MAGIC_NUMBERS: readonly (readonly [magic: string, format: string])[] = [
  ["\x1f\x8b", "gzip"],
  ["PK\x03\x04", "a zip file"],
  ["PK\x05\x06", "an empty zip file"],
  ["\x28\xb5\x2f\xfd", "compressed with zstd"],
  ["\xfd7zXZ\0", "compressed with xz"],
  ["BZh", "compressed with bzip2"],
  ["\x04\x22\x4d\x18", "compressed with lz4"],
  ["LZIP", "compressed with lzip"],
  ["\x5d\0\0", "compressed with lzma"],
  ["\x1f\x9d", "compressed with compress"],
  ["7z\xbc\xaf\x27\x1c", "a 7z file"],
  ["070701", "a cpio archive"],
  ["070702", "a cpio archive"],
  ["070707", "a cpio archive"],
  ["\xc7\x71", "a cpio archive"],
  ["!<arch>\n", "an ar archive, such as a Debian package"],
  ["\xed\xab\xee\xdb", "an RPM package"],
  ["xar!", "a xar archive"],
  ["Rar!\x1a\x07", "a rar file"],
  ["\xff\xfe", "text in UTF-16, as > writes it in PowerShell"],
  // The byte 0x8b alone is no UTF-8, and decoders replace it.
  ["\x1f\xef\xbf\xbd\x08", "gzip that a program read as text, which destroyed it"],
  ["H4sI", "gzip encoded as base64"],
  ["-----BEGIN ", "a PEM file"],
];

/**
 * Returns what a file is by its first `FORMAT_BYTES` bytes, so that a message can name what was
 * sent: `gzip`, `a zip file`, `compressed with xz`. Returns undefined if it does not know.
 */
export function fileFormat(bytes: Uint8Array): string | undefined {
  const start = bytes.subarray(0, FORMAT_BYTES);
  const known = MAGIC_NUMBERS.find(([magic]) => [...magic].every((char, at) => start[at] === char.charCodeAt(0)));
  if (known !== undefined) return known[1];
  if (start.length === TAR_BLOCK_BYTES && hasHeaderChecksum(start)) return "a plain tar";
  return textFormat(start);
}

function textFormat(start: Uint8Array): string | undefined {
  const text = utf8Start(start)?.trimStart();
  // A text has no control characters but white space.
  if (text === undefined || text === "" || /[^\P{Cc}\s]/u.test(text)) return undefined;
  if (/^(?:<!doctype html|<html|<head|<body)/i.test(text)) return "an HTML page";
  if (text.startsWith("<")) return "an XML or HTML document";
  if (/^[{[]/.test(text)) return "a JSON document";
  if (/^--[^\r\n]*\r?\ncontent-/i.test(text)) return "a multipart form inside a form field";
  return "a text file";
}

/** Decodes UTF-8 whose last character may be cut. */
function utf8Start(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}
