import { type HeaderField, isOwnerNumber, readOctal } from "./tar-number.ts";

/** The size of a tar block: headers and content are padded to it. */
export const TAR_BLOCK_BYTES = 512;

/** A header block, before a PAX record or a GNU long name changes the name. */
export interface TarHeader {
  /** The raw bytes of prefix and name; `readEntryName` decides whether they are a valid name. */
  readonly name: Uint8Array;
  /** The type flag as a character. A NUL flag, the old form, is read as `0`. */
  readonly type: string;
  /**
   * What a NUL flag means by the name of this header alone: Unix V7 had no flag for directories, so
   * a `/` at the end of the name marks them. Undefined for every other flag.
   */
  readonly oldKind: "file" | "directory" | undefined;
  /** Undefined if the size is malformed. The position of the next header is then unknown. */
  readonly sizeBytes: number | undefined;
  /** What is malformed; each goes on after `entry "name" `. */
  readonly problems: readonly string[];
}

// POSIX.1-2017, pax, "ustar Interchange Format".
const NAME: HeaderField = { at: 0, bytes: 100 };
const MODE: HeaderField = { at: 100, bytes: 8 };
const OWNER: HeaderField = { at: 108, bytes: 8 };
const GROUP: HeaderField = { at: 116, bytes: 8 };
const SIZE: HeaderField = { at: 124, bytes: 12 };
const MODIFIED: HeaderField = { at: 136, bytes: 12 };
const CHECKSUM: HeaderField = { at: 148, bytes: 8 };
const TYPE_AT = 156;
const MAGIC: HeaderField = { at: 257, bytes: 8 };
const DEVICE_MAJOR: HeaderField = { at: 329, bytes: 8 };
const DEVICE_MINOR: HeaderField = { at: 337, bytes: 8 };
const PREFIX: HeaderField = { at: 345, bytes: 155 };
// npm's tar ends a prefix of at most 130 bytes with a NUL and puts two times behind it.
const SHORT_PREFIX: HeaderField = { at: 345, bytes: 131 };
const ACCESSED: HeaderField = { at: 476, bytes: 12 };
const CHANGED: HeaderField = { at: 488, bytes: 12 };
const TRAILER: HeaderField = { at: 500, bytes: 12 };

/** With version 00, and without a version, as JTar writes it. No reader looks at the version. */
const MAGICS_USTAR = ["ustar\x0000", "ustar\0\0\0"];
const MAGIC_GNU = "ustar  \0";
const MAGIC_V7 = "\0".repeat(8);

const SPACE = 0x20;
const SLASH = 0x2f;
/** The first byte of a number in base-256 has this bit. */
const BASE_256_BIT = 0x80;

/** Returns whether a block has the checksum of a header. */
export function hasHeaderChecksum(block: Uint8Array): boolean {
  return readOctal(block, CHECKSUM) === headerChecksumOf(block);
}

/**
 * Reads a header block whose checksum is right. Numbers are octal. Only owners and devices may be
 * in base-256, because there every reader takes the same value or ignores it.
 */
export function readTarHeader(block: Uint8Array): TarHeader {
  const magic = latin1(block, MAGIC);
  const name = readHeaderName(block, magic);
  const flag = block[TYPE_AT] ?? 0;
  const endsWithSlash = untilZero(block, NAME).at(-1) === SLASH;
  return {
    name,
    type: flag === 0 ? "0" : String.fromCharCode(flag),
    oldKind: flag !== 0 ? undefined : endsWithSlash ? "directory" : "file",
    sizeBytes: readOctal(block, SIZE),
    problems: headerProblems(block, magic),
  };
}

/** Returns whether bytes are all zero, as in the two blocks at the end of every tar. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function headerProblems(block: Uint8Array, magic: string): string[] {
  const problems: string[] = [];
  if (!isPlainNumber(block, MODE)) problems.push(malformedField("mode"));
  if (!isPlainNumber(block, MODIFIED)) problems.push(timeProblem(block));
  // Files have no device numbers, but readers parse them. If they are invalid, Go fails and Python
  // treats the header as the end of the tar.
  const owners = { uid: OWNER, gid: GROUP, devmajor: DEVICE_MAJOR, devminor: DEVICE_MINOR };
  for (const [name, field] of Object.entries(owners)) {
    if (!isZeroField(block, field) && !isOwnerNumber(block, field)) problems.push(malformedField(name));
  }
  if (!hasCleanEnd(block, NAME)) problems.push(malformedField("name"));
  problems.push(...dialectProblems(block, magic));
  return problems;
}

function isPlainNumber(block: Uint8Array, field: HeaderField): boolean {
  return isZeroField(block, field) || readOctal(block, field) !== undefined;
}

function timeProblem(block: Uint8Array): string {
  if (((block[MODIFIED.at] ?? 0) & BASE_256_BIT) === 0) return malformedField("mtime");
  return "has a time before 1970 or after 2242 in base-256: touch the file, or pack with tar --format=pax";
}

/**
 * Reports bytes that the dialects of tar read differently. The bytes after the device numbers are a
 * prefix in ustar, the access and change times in GNU tar and something else in star. A reader of
 * one dialect would take the bytes of another for part of the name. So only ustar may use them.
 */
function dialectProblems(block: Uint8Array, magic: string): string[] {
  if (MAGICS_USTAR.includes(magic)) return isCleanPrefix(block) ? [] : [malformedField("prefix")];
  if (magic !== MAGIC_GNU && magic !== MAGIC_V7) return [malformedField("magic")];
  if (isZero(block.subarray(PREFIX.at))) return [];
  if (magic === MAGIC_V7) return [malformedField("prefix")];
  return [
    "has a GNU header with access times, a sparse map or a prefix: " +
      "pack with tar --format=pax, without --listed-incremental and --sparse",
  ];
}

/** Returns whether every reader takes the same bytes of a ustar header for the prefix. */
function isCleanPrefix(block: Uint8Array): boolean {
  if (!isZeroField(block, TRAILER)) return false;
  if (hasCleanEnd(block, PREFIX)) return true;
  const endsBeforeTimes = block[ACCESSED.at - 1] === 0 && hasCleanEnd(block, SHORT_PREFIX);
  return endsBeforeTimes && isPlainNumber(block, ACCESSED) && isPlainNumber(block, CHANGED);
}

/** Says that a field is malformed; goes on after `entry "name" `. */
export function malformedField(name: string): string {
  return `has a malformed ${name} field in its tar header: pack it again with cpm or with tar --format=pax`;
}

function readHeaderName(block: Uint8Array, magic: string): Uint8Array {
  const name = untilZero(block, NAME);
  const prefix = MAGICS_USTAR.includes(magic) ? untilZero(block, PREFIX) : block.subarray(0, 0);
  if (prefix.length === 0) return name.slice();
  const joined = new Uint8Array(prefix.length + 1 + name.length);
  joined.set(prefix);
  joined[prefix.length] = 0x2f;
  joined.set(name, prefix.length + 1);
  return joined;
}

function untilZero(block: Uint8Array, field: HeaderField): Uint8Array {
  const whole = block.subarray(field.at, field.at + field.bytes);
  const zero = whole.indexOf(0);
  return zero === -1 ? whole : whole.subarray(0, zero);
}

/**
 * Returns whether only zeros follow the terminating zero. Some readers ignore bytes there, others
 * take them as part of the name.
 */
function hasCleanEnd(block: Uint8Array, field: HeaderField): boolean {
  const text = untilZero(block, field);
  return isZero(block.subarray(field.at + text.length, field.at + field.bytes));
}

function isZeroField(block: Uint8Array, field: HeaderField): boolean {
  return isZero(block.subarray(field.at, field.at + field.bytes));
}

function latin1(block: Uint8Array, field: HeaderField): string {
  return String.fromCharCode(...block.subarray(field.at, field.at + field.bytes));
}

/** Returns the unsigned sum of the block with its checksum field read as spaces. */
function headerChecksumOf(block: Uint8Array): number {
  let sum = CHECKSUM.bytes * SPACE;
  for (let at = 0; at < TAR_BLOCK_BYTES; at++) sum += block[at] ?? 0;
  for (let at = CHECKSUM.at; at < CHECKSUM.at + CHECKSUM.bytes; at++) sum -= block[at] ?? 0;
  return sum;
}
