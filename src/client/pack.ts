import { createHash } from "node:crypto";
import { once } from "node:events";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32, createDeflateRaw } from "node:zlib";
import { clientFault } from "./client-fault.ts";
import { diskFault } from "./disk-fault.ts";

const BLOCK_BYTES = 512;
/**
 * The compressor gets pieces of this size whatever the disk returns, so that its output is the
 * same.
 */
const PIECE_BYTES = 64 * 1024;
/** GNU tar pads to this size. Without it some readers warn. */
const RECORD_BYTES = 20 * BLOCK_BYTES;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
/** 1985-10-26T08:15:00Z, as npm has it. Tools mishandle 0. */
const MTIME_S = 499_162_500;
/** Magic, deflate, no flags, no time, best compression, unknown system. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);

/** What was packed. */
export interface PackedArchive {
  readonly path: string;
  readonly size: number;
  /** SHA-256 in hex. */
  readonly digest: string;
}

/**
 * Packs files of a directory into a new archive at `path`. The same contents give the same bytes on
 * every machine: order, modes, owners and times are fixed. Throws for a path that ustar cannot
 * hold, for a file that changes meanwhile, and for a full disk; then it leaves no file.
 */
export async function packFiles(directory: string, paths: readonly string[], path: string): Promise<PackedArchive> {
  const file = await open(path, "wx");
  const hash = createHash("sha256");
  let size = 0;
  const write = async (bytes: Uint8Array) => {
    hash.update(bytes);
    size += bytes.length;
    await file.appendFile(bytes);
  };
  try {
    await write(GZIP_HEADER);
    await writeDeflated(tarOf(directory, paths), write);
  } catch (cause) {
    await rm(path, { force: true });
    throw diskFault(cause);
  } finally {
    await file.close();
  }
  return { path, size, digest: hash.digest("hex") };
}

async function writeDeflated(tar: AsyncIterable<Buffer>, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const deflate = createDeflateRaw({ level: 9 });
  let checksum = 0;
  let length = 0;
  const feeding = (async () => {
    for await (const piece of piecesOf(tar)) {
      checksum = crc32(piece, checksum);
      length += piece.length;
      if (!deflate.write(piece)) await once(deflate, "drain");
    }
    deflate.end();
  })();
  feeding.catch((cause) => deflate.destroy(cause));
  for await (const bytes of deflate) await write(bytes);
  await feeding;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum, 0);
  trailer.writeUInt32LE(length, 4);
  await write(trailer);
}

/** Joins and cuts chunks to pieces of one size. */
async function* piecesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let piece = Buffer.alloc(PIECE_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.copy(piece, filled, at);
      at += taken;
      filled += taken;
      if (filled < PIECE_BYTES) continue;
      yield piece;
      piece = Buffer.alloc(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}

async function* tarOf(directory: string, paths: readonly string[]): AsyncGenerator<Buffer> {
  let length = 0;
  for (const path of paths) {
    for await (const bytes of entryOf(directory, path)) {
      length += bytes.length;
      yield bytes;
    }
  }
  const end = length + 2 * BLOCK_BYTES;
  yield Buffer.alloc(Math.ceil(end / RECORD_BYTES) * RECORD_BYTES - length);
}

async function* entryOf(directory: string, path: string): AsyncGenerator<Buffer> {
  const file = await open(join(directory, path), "r");
  try {
    const { size } = await file.stat();
    yield headerOf(path, size);
    let read = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES);
      if (bytesRead === 0) break;
      read += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
    if (read !== size)
      throw clientFault("failed", "client_file_changed", `${path} changed while it was packed. Run the command again.`);
    yield Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
  } finally {
    await file.close();
  }
}

/** A ustar header (POSIX.1-1988) of a plain file. */
function headerOf(path: string, size: number): Buffer {
  const { name, prefix } = splitPath(path);
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, "0"), at);
  header.write(name, 0);
  octal(0o644, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(MTIME_S, 136, 11);
  header.write(" ".repeat(8), 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  octal(0, 329, 7);
  octal(0, 337, 7);
  header.write(prefix, 345);
  let sum = 0;
  for (const byte of header) sum += byte;
  octal(sum, 148, 6);
  header[154] = 0;
  return header;
}

/** A long path is split at a `/`. There is no PAX header for what fits into neither half. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= NAME_BYTES) return { name: path, prefix: "" };
  for (let at = path.indexOf("/"); at !== -1; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(prefix) > PREFIX_BYTES) break;
    if (Buffer.byteLength(name) <= NAME_BYTES) return { name, prefix };
  }
  throw clientFault(
    "refused",
    "client_path_too_long",
    `${path} is too long for an archive. A file name may have ${NAME_BYTES} bytes, and the directories before it ${PREFIX_BYTES}.`,
  );
}
