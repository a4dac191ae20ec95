import { dlopen, FFIType } from "bun:ffi";
import { closeSync, openSync, statfsSync } from "node:fs";

/**
 * With smaller blocks, SQLite leaves parts of the WAL's index unallocated, which it maps into
 * memory.
 */
export const SAFE_BLOCK_BYTES = 4_096;
/** For a WAL of 130 MB. */
const INDEX_BYTES = 256 * 1024;
const C_LIBRARIES = ["libc.so.6", "libc.musl-x86_64.so.1", "libc.musl-aarch64.so.1"];

/**
 * Allocates the index of an open WAL as a whole where SQLite would not, so that a full disk is an
 * error of a write and no bus error. Returns what closes the file, to be called after SQLite closed
 * it: closing it earlier would release SQLite's locks.
 */
export function allocateWalIndex(path: string): () => void {
  if (process.platform !== "linux" || statfsSync(path).bsize >= SAFE_BLOCK_BYTES) return () => undefined;
  const descriptor = openSync(`${path}-shm`, "r+");
  for (const library of C_LIBRARIES) {
    try {
      const { posix_fallocate: allocate } = dlopen(library, {
        posix_fallocate: { args: [FFIType.i32, FFIType.i64, FFIType.i64], returns: FFIType.i32 },
      }).symbols;
      allocate(descriptor, 0n, BigInt(INDEX_BYTES));
      break;
    } catch {
      // This library does not exist here. Try the next one.
    }
  }
  return () => closeSync(descriptor);
}
