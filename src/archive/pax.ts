import { type ArchiveFault, printable } from "./archive-fault.ts";

/**
 * What a PAX extended header (POSIX.1-2017, pax, "pax Header Block") may change about the entry
 * that follows it.
 */
export interface PaxRecords {
  readonly path: Uint8Array | undefined;
  readonly sizeBytes: number | undefined;
  readonly faults: readonly ArchiveFault[];
}

/** GNU tar reads owners as 32-bit numbers and fails on larger ones. */
const OWNER_MAX = 0xffff_ffff;

const isTime = (value: Uint8Array) => /^-?\d{1,11}(?:\.\d*)?$/.test(latin1(value));
const isOwner = (value: Uint8Array) => (readDecimal(value) ?? OWNER_MAX + 1) <= OWNER_MAX;
const isText = (value: Uint8Array) => !value.includes(0);

/**
 * The keys that Go's `archive/tar` writes, and the values they may have. Another key could make
 * some readers interpret the entry differently. An `mtime` such as `soon` makes Go and GNU tar
 * refuse the archive while other readers unpack it. `readEntryName` checks the value of `path`.
 */
const ALLOWED_RECORDS = new Map<string, (value: Uint8Array) => boolean>([
  ["path", () => true],
  ["size", (value) => readDecimal(value) !== undefined],
  ["mtime", isTime],
  ["atime", isTime],
  ["ctime", isTime],
  ["uid", isOwner],
  ["gid", isOwner],
  ["uname", isText],
  ["gname", isText],
]);

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/**
 * Reads the records `<length> <key>=<value>\n` of one extended header. It stops at a malformed
 * record and reports it as a fault. Never throws.
 */
export function readPaxRecords(bytes: Uint8Array): PaxRecords {
  const values = new Map<string, Uint8Array>();
  const faults: ArchiveFault[] = [];
  for (let at = 0; at < bytes.length; ) {
    const record = readRecord(bytes, at);
    if (record === undefined) {
      faults.push(paxFault("a PAX header is malformed"));
      break;
    }
    at = record.end;
    const problem = recordProblem(record.key, record.value, values.has(record.key));
    if (problem !== undefined) faults.push(paxFault(`the PAX key "${printable(record.key, 60)}" ${problem}`));
    values.set(record.key, record.value);
  }
  const size = values.get("size");
  const sizeBytes = size === undefined ? undefined : readDecimal(size);
  return { path: values.get("path"), sizeBytes, faults };
}

function recordProblem(key: string, value: Uint8Array, seen: boolean): string | undefined {
  const accepts = ALLOWED_RECORDS.get(key);
  if (accepts === undefined) return "is not allowed";
  if (seen) return "appears twice";
  return accepts(value) ? undefined : "has an invalid value";
}

function paxFault(what: string): ArchiveFault {
  return { path: "", code: "tar_bad_pax", message: `${what}: pack the archive again with cpm` };
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
