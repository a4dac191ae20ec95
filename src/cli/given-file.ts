import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { withTimeout } from "../runtime/timeout.ts";
import { bytesText } from "./table.ts";
import { UsageError } from "./usage.ts";

const READ_MAX_MS = 60_000;
const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads a file that the command line names. Throws `UsageError` if it is no regular file, is larger
 * than `maxBytes`, or cannot be read in time. A FIFO or a device may never end.
 */
export async function readGiven(path: string, maxBytes: number): Promise<Buffer> {
  try {
    return await withTimeout(READ_MAX_MS, readRegular(path, maxBytes));
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    throw new UsageError(`${path} cannot be read: ${cause instanceof Error ? cause.message : cause}`);
  }
}

async function readRegular(path: string, maxBytes: number): Promise<Buffer> {
  // Without O_NONBLOCK, opening a FIFO waits for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) {
      throw new UsageError(`${path} is not a regular file. Write its contents to a file first, then name that file.`);
    }
    return await readUpTo(file, found.size, maxBytes, path);
  } finally {
    await file.close();
  }
}

async function readUpTo(file: FileHandle, size: number, maxBytes: number, path: string): Promise<Buffer> {
  const tooLarge = () => new UsageError(`${path} is larger than ${bytesText(maxBytes)}.`);
  if (size > maxBytes) throw tooLarge();
  // The file may grow while it is read, and files of /proc have no size.
  const chunks: Buffer[] = [];
  let length = 0;
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES);
    if (bytesRead === 0) return Buffer.concat(chunks);
    length += bytesRead;
    if (length > maxBytes) throw tooLarge();
    chunks.push(buffer.subarray(0, bytesRead));
  }
}
