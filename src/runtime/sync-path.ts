import { closeSync, fsync, openSync } from "node:fs";
import { promisify } from "node:util";

const fsyncAsync = promisify(fsync);

/**
 * Syncs a file or a directory. It opens and closes synchronously, because that is faster than a
 * round trip through Node's thread pool. Only the sync, which waits for the disk, runs there.
 */
export async function syncPath(path: string, flags: "r" | "r+"): Promise<void> {
  const descriptor = openSync(path, flags);
  try {
    await fsyncAsync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
