import { crc32, deflateRawSync, gzipSync } from "node:zlib";
import { pack } from "tar-stream";

/** A file of a release's archive. `path` is relative to the directory that the archive unpacks to. */
export interface ReleaseFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isExecutable: boolean;
}

const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;
/** Where a gzip header names the system that made it. 255 is "unknown". */
const GZIP_SYSTEM_AT = 9;
const ZIP_VERSION = 20;
const ZIP_MADE_BY_UNIX = 3 << 8;
const DEFLATED = 8;
const UTF8_NAMES = 1 << 11;
const PLAIN_FILE = 0o100000;

function modeOf({ isExecutable }: ReleaseFile): number {
  return isExecutable ? EXECUTABLE_MODE : FILE_MODE;
}

/**
 * Packs files into a `.tar.gz` that unpacks to `directory`. Equal files and an equal `time` give
 * equal bytes: order, owner, modes and times are fixed.
 */
export async function tarGz(directory: string, files: readonly ReleaseFile[], time: Date): Promise<Buffer> {
  const tar = pack();
  for (const file of files) {
    const name = `${directory}/${file.path}`;
    tar.entry({ name, mode: modeOf(file), mtime: time, uid: 0, gid: 0 }, Buffer.from(file.bytes));
  }
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(chunk);
  const packed = gzipSync(Buffer.concat(chunks), { level: 9 });
  packed[GZIP_SYSTEM_AT] = 255;
  return packed;
}

/** Packs files into a `.zip` that unpacks to `directory`, with the same promise as `tarGz`. */
export function zip(directory: string, files: readonly ReleaseFile[], time: Date): Buffer {
  const parts: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const file of files) {
    const name = Buffer.from(`${directory}/${file.path}`);
    const packed = deflateRawSync(file.bytes, { level: 9 });
    const shared = sharedFields(file.bytes, packed.length, name.length, time);
    const local = [uint32(0x04034b50), shared, name, packed];
    entries.push(centralEntry(shared, name, { mode: modeOf(file), at }));
    parts.push(...local);
    at += local.reduce((sum, { length }) => sum + length, 0);
  }
  const central = Buffer.concat(entries);
  const count = uint16(files.length);
  const end = [uint32(0x06054b50), uint16(0), uint16(0), count, count, uint32(central.length), uint32(at), uint16(0)];
  return Buffer.concat([...parts, central, ...end]);
}

/** The fields that the local header and the central directory have in common (APPNOTE 4.3.7). */
function sharedFields(bytes: Uint8Array, packedLength: number, nameLength: number, time: Date): Buffer {
  const date = ((time.getUTCFullYear() - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate();
  const clock = (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | (time.getUTCSeconds() >> 1);
  const header = [ZIP_VERSION, UTF8_NAMES, DEFLATED, clock, date].map(uint16);
  const sizes = [crc32(bytes), packedLength, bytes.length].map(uint32);
  return Buffer.concat([...header, ...sizes, uint16(nameLength), uint16(0)]);
}

function centralEntry(shared: Buffer, name: Buffer, { mode, at }: { readonly mode: number; readonly at: number }) {
  const madeBy = uint16(ZIP_MADE_BY_UNIX | ZIP_VERSION);
  const noCommentNorDisk = Buffer.alloc(6);
  const attributes = uint32(((PLAIN_FILE | mode) << 16) >>> 0);
  return Buffer.concat([uint32(0x02014b50), madeBy, shared, noCommentNorDisk, attributes, uint32(at), name]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
