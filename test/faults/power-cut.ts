import { dlopen, ptr } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { type ImageMount, mountImage, reasonAgainstImages } from "./mounts.ts";

/*
 * After a power cut, the bytes that reached the disk are there, and those that the kernel held in
 * memory are gone.
 *
 * Copying the image of a mounted file system does not show that. The kernel goes on writing during
 * the copy, so the copy may hold a later piece without an earlier one, which no disk does. Freezing
 * the file system first would sync it.
 *
 * ext4 has the means with which its developers test crashes: EXT4_IOC_SHUTDOWN with NOLOGFLUSH
 * stops the file system at once, in the middle of whatever it does. The journal is aborted, dirty
 * pages and the running transaction are dropped, and every later access fails with an I/O error.
 * Unmounting writes only blocks of transactions that the journal already holds, and leaves the mark
 * that the journal must be replayed. So the image is what the disk had, and mounting it again is
 * the start after the cut.
 *
 * This does not show a disk that lies about its cache: a block that the loop device took counts as
 * written.
 */

/** `_IOR('X', 125, __u32)`, and `EXT4_GOING_FLAGS_NOLOGFLUSH`. */
const EXT4_IOC_SHUTDOWN = 0x80_04_58_7d;
const NO_LOG_FLUSH = 2;

function openLibc() {
  const symbols = { ioctl: { args: ["i32", "u64", "ptr"], returns: "i32" } } as const;
  for (const name of ["libc.so.6", `libc.musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`]) {
    try {
      return dlopen(name, symbols);
    } catch {
      // Another system may use another name.
    }
  }
  return undefined;
}

/** A disk whose power can be cut. */
export interface Disk {
  readonly path: string;
  /**
   * From now on nothing reaches the disk, and unwritten data is lost. Freeze the processes that use
   * it first.
   */
  cut(): void;
  /**
   * Turns the power on again: mounts what the disk holds. Nothing may use the old file system any
   * more.
   */
  restore(): void;
  remove(): void;
}

/** Makes an empty disk with ext4 on it. */
export function makeDisk(megabytes: number): Disk {
  const image: ImageMount = mountImage(megabytes);
  return {
    path: image.path,
    cut() {
      const libc = openLibc();
      const directory = openSync(image.path, "r");
      try {
        const failed = libc?.symbols.ioctl(directory, EXT4_IOC_SHUTDOWN, ptr(new Uint32Array([NO_LOG_FLUSH])));
        if (failed !== 0) throw new Error("EXT4_IOC_SHUTDOWN failed");
      } finally {
        closeSync(directory);
        libc?.close();
      }
    },
    restore() {
      image.unmount();
      image.mount();
    },
    remove: image.remove,
  };
}

/** Why no power can be cut here. Undefined if it can. */
export function reasonAgainstPowerCuts(): string | undefined {
  if (process.platform === "linux" && openLibc() === undefined) return "the C library was not found";
  return reasonAgainstImages();
}
