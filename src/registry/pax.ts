import { type ArchiveFault, printable } from "./archive-fault.ts";

/** What a PAX extended header (POSIX.1-2017, pax, "pax Header Block") may change about the entry behind it. */
export interface PaxRecords {
  readonly path: Uint8Array | undefined;
  readonly sizeBytes: number | undefined;
  readonly faults: readonly ArchiveFault[];
}

/** The keys Go's `archive/tar` writes. Any other could change what an entry is, in some reader. */
const ALLOWED_KEYS = new Set(["path", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "size"]);

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;

/** Reads the records `<length> <key>=<value>\n` of one extended header. Malformed records end the reading, never throw. */
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
    if (!ALLOWED_KEYS.has(record.key))
      faults.push(paxFault(`the PAX key "${printable(record.key, 60)}" is not allowed`));
    if (values.has(record.key)) faults.push(paxFault(`the PAX key "${printable(record.key, 60)}" appears twice`));
    values.set(record.key, record.value);
  }
  const size = values.get("size");
  const sizeBytes = size === undefined ? undefined : readDecimal(size);
  if (size !== undefined && sizeBytes === undefined) faults.push(paxFault("the PAX size is not a decimal number"));
  return { path: values.get("path"), sizeBytes, faults };
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
  const key = new TextDecoder("latin1").decode(bytes.subarray(space + 1, equals));
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
