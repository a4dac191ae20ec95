import { printable } from "./archive-fault.ts";

/**
 * What a PAX extended header (POSIX.1-2017, pax, "pax Header Block") may change about the entry
 * that follows it.
 */
export interface PaxRecords {
  readonly path: Uint8Array | undefined;
  readonly sizeBytes: number | undefined;
  /** What is wrong with the records; each goes on after `entry "name" `. */
  readonly problems: readonly string[];
}

/** GNU tar reads owners as 32-bit numbers and fails on larger ones. */
const OWNER_MAX = 0xffff_ffff;

const isTime = (value: Uint8Array) => /^-?\d{1,11}(?:\.\d*)?$/.test(latin1(value));
const isOwner = (value: Uint8Array) => (readDecimal(value) ?? OWNER_MAX + 1) <= OWNER_MAX;
const isBinary = (value: Uint8Array) => latin1(value) === "BINARY";
const isText = (value: Uint8Array) => !value.includes(0);

/**
 * The keys that change an entry, and the values they may have. An `mtime` such as `soon` makes Go
 * and GNU tar refuse the archive while other readers unpack it. `readEntryName` checks the value of
 * `path`.
 */
const CHECKED_RECORDS = new Map<string, (value: Uint8Array) => boolean>([
  ["path", () => true],
  ["size", (value) => readDecimal(value) !== undefined],
  ["mtime", isTime],
  ["atime", isTime],
  ["ctime", isTime],
  ["uid", isOwner],
  ["gid", isOwner],
  ["uname", isText],
  ["gname", isText],
  // Without a locale, bsdtar adds this key to a name that is not ASCII. It declares that names are
  // plain bytes. Every other reader takes them for bytes anyway.
  ["hdrcharset", isBinary],
]);

/**
 * The keys that packers write and that change neither the name nor the content of a file for any
 * reader: extended attributes, access control lists, flags and inode numbers. Any other key could
 * make some readers interpret the entry differently.
 */
const IGNORED_KEY =
  /^(?:comment|LIBARCHIVE\.[!-~]+|SCHILY\.(?:xattr|acl)\.[ -~\x80-\xff]+|SCHILY\.(?:fflags|dev|ino|nlink)|RHT\.security\.selinux)$/;

const MALFORMED_PAX = "has a malformed PAX header: pack it again with cpm or with tar --format=pax";

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/**
 * Reads the records `<length> <key>=<value>\n` of one extended header. It stops at a malformed
 * record and reports it as a problem. Never throws.
 */
export function readPaxRecords(bytes: Uint8Array): PaxRecords {
  const values = new Map<string, Uint8Array>();
  const problems: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const record = readRecord(bytes, at);
    if (record === undefined) {
      problems.push(MALFORMED_PAX);
      break;
    }
    at = record.end;
    const problem = recordProblem(record.key, record.value, values.has(record.key));
    if (problem !== undefined) problems.push(problem);
    values.set(record.key, record.value);
  }
  const size = values.get("size");
  const sizeBytes = size === undefined ? undefined : readDecimal(size);
  return { path: values.get("path"), sizeBytes, problems };
}

/**
 * Returns the first key of a global header that is not `comment`, or undefined. `git archive`
 * writes its commit as a comment; any other key changes every entry after it for some readers.
 */
export function globalKeyOf(bytes: Uint8Array): string | undefined {
  for (let at = 0; at < bytes.length; ) {
    const record = readRecord(bytes, at);
    // `readPaxRecords` reports what is malformed.
    if (record === undefined) return undefined;
    if (record.key !== "comment") return record.key;
    at = record.end;
  }
  return undefined;
}

function recordProblem(key: string, value: Uint8Array, seen: boolean): string | undefined {
  const shown = `the PAX key "${printable(key, 60)}"`;
  const accepts = CHECKED_RECORDS.get(key);
  if (accepts === undefined && !IGNORED_KEY.test(key)) return `has ${shown}, ${adviceFor(key)}`;
  if (seen) return `has ${shown} twice: pack it again with cpm or with tar --format=pax`;
  if (accepts === undefined || accepts(value)) return undefined;
  return `has an invalid value for ${shown}: pack it again with cpm or with tar --format=pax`;
}

function adviceFor(key: string): string {
  if (/^(?:GNU\.sparse\.|SCHILY\.realsize$)/.test(key))
    return "as sparse files have: pack without --sparse (-S), with bsdtar --no-read-sparse";
  if (key === "linkpath") return "as links have: pack the file that it points to, with tar -h";
  return "which readers understand differently: pack with tar --format=pax --no-xattrs";
}

function readRecord(bytes: Uint8Array, at: number): { key: string; value: Uint8Array; end: number } | undefined {
  const space = bytes.indexOf(SPACE, at);
  const length = space === -1 ? undefined : readDecimal(bytes.subarray(at, space));
  if (length === undefined) return undefined;
  const end = at + length;
  const equals = bytes.indexOf(EQUALS, space);
  if (end > bytes.length || equals === -1 || equals >= end - 1 || bytes[end - 1] !== NEWLINE) return undefined;
  const key = latin1(bytes.subarray(space + 1, equals));
  return { key, value: bytes.slice(equals + 1, end - 1), end };
}

function readDecimal(bytes: Uint8Array): number | undefined {
  if (bytes.length === 0 || bytes.length > 15 || bytes[0] === 0x30) {
    return bytes.length === 1 && bytes[0] === 0x30 ? 0 : undefined;
  }
  let value = 0;
  for (const byte of bytes) {
    if (byte < 0x30 || byte > 0x39) return undefined;
    value = value * 10 + (byte - 0x30);
  }
  return value;
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}
