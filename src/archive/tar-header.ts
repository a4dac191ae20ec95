import { type ArchiveFault, UnreadableArchive } from "./archive-fault.ts";

/** The size of a tar block: headers and content are padded to it. */
export const TAR_BLOCK_BYTES = 512;

/** A header block, before a PAX record changes the name. */
export interface TarHeader {
  /** The raw bytes of prefix and name; `readEntryName` decides whether they are a valid name. */
  readonly name: Uint8Array;
  /** The type flag as a character. A NUL flag, the old form for a file, is read as `0`. */
  readonly type: string;
  readonly sizeBytes: number;
  readonly faults: readonly ArchiveFault[];
}

interface HeaderField {
  readonly at: number;
  readonly bytes: number;
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

const MAGIC_USTAR = "ustar\x0000";
const MAGIC_GNU = "ustar  \0";
const MAGIC_V7 = "\0".repeat(8);

const SPACE = 0x20;

/**
 * Reads one header block. Throws `UnreadableArchive` if the checksum or the size is wrong, because
 * the position of the next header is then unknown; lesser problems are in `faults`. Numbers are
 * octal only: no base-256, no sign, no missing terminator.
 */
export function readTarHeader(block: Uint8Array): TarHeader {
  if (readOctal(block, CHECKSUM) !== headerChecksumOf(block)) {
    throw new UnreadableArchive(
      "tar_bad_checksum",
      "a tar header has a wrong checksum: pack the archive again with cpm",
    );
  }
  const sizeBytes = readOctal(block, SIZE);
  if (sizeBytes === undefined) throw new UnreadableArchive("tar_bad_field", badField("size"));
  const magic = latin1(block, MAGIC);
  const name = readHeaderName(block, magic);
  const flag = block[TYPE_AT] ?? 0;
  return {
    name,
    type: flag === 0 ? "0" : String.fromCharCode(flag),
    sizeBytes,
    faults: headerProblems(block, magic).map((message) => ({ path: "", code: "tar_bad_field", message })),
  };
}

/** Returns whether bytes are all zero, as in the two blocks at the end of every tar. */
export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

function headerProblems(block: Uint8Array, magic: string): string[] {
  const problems: string[] = [];
  // Files have no device numbers, but readers parse them. If they are invalid, Go fails and Python
  // treats the header as the end of the tar.
  const numbers = {
    mode: MODE,
    uid: OWNER,
    gid: GROUP,
    mtime: MODIFIED,
    devmajor: DEVICE_MAJOR,
    devminor: DEVICE_MINOR,
  };
  for (const [name, field] of Object.entries(numbers)) {
    if (!isZeroField(block, field) && readOctal(block, field) === undefined) problems.push(badField(name));
  }
  if (!hasCleanEnd(block, NAME)) problems.push(badField("name"));
  problems.push(...dialectProblems(block, magic));
  return problems;
}

/**
 * Reports bytes that the dialects of tar read differently. The bytes after the device numbers are a
 * prefix in ustar, the access and change times in GNU tar and something else in star. A reader of
 * one dialect would take the bytes of another for part of the name. So only ustar may use them.
 */
function dialectProblems(block: Uint8Array, magic: string): string[] {
  if (magic === MAGIC_USTAR) {
    const clean = hasCleanEnd(block, PREFIX) && isZero(block.subarray(PREFIX.at + PREFIX.bytes));
    return clean ? [] : [badField("prefix")];
  }
  if (magic !== MAGIC_GNU && magic !== MAGIC_V7) return [badField("magic")];
  return isZero(block.subarray(PREFIX.at)) ? [] : [badField("prefix")];
}

function badField(name: string): string {
  return `the ${name} field of a tar header is malformed: pack the archive again with cpm`;
}

function readHeaderName(block: Uint8Array, magic: string): Uint8Array {
  const name = untilZero(block, NAME);
  const prefix = magic === MAGIC_USTAR ? untilZero(block, PREFIX) : block.subarray(0, 0);
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

/** Reads octal digits, followed by one or more NULs or spaces up to the end of the field. */
function readOctal(block: Uint8Array, field: HeaderField): number | undefined {
  const end = field.at + field.bytes;
  let value = 0;
  let at = field.at;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  if (at === field.at || at === end) return undefined;
  for (; at < end; at++) {
    const byte = block[at];
    if (byte !== 0 && byte !== SPACE) return undefined;
  }
  return value;
}

/** Returns the unsigned sum of the block with its checksum field read as spaces. */
function headerChecksumOf(block: Uint8Array): number {
  let sum = CHECKSUM.bytes * SPACE;
  for (let at = 0; at < TAR_BLOCK_BYTES; at++) sum += block[at] ?? 0;
  for (let at = CHECKSUM.at; at < CHECKSUM.at + CHECKSUM.bytes; at++) sum -= block[at] ?? 0;
  return sum;
}
