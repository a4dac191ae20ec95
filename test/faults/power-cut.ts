import { dlopen, ptr } from "bun:ffi";
import { closeSync, openSync } from "node:fs";
import { type ImageMount, mountImage, reasonAgainstImages } from "./mounts.ts";

/*
 * A power cut is: what reached the disk is there, what the kernel still held in memory is gone. Copying the image of a
 * mounted file system does not show that: the kernel goes on writing while the copy is made, so the copy may hold a
 * later piece without an earlier one, which no disk ever does; and freezing the file system first would sync it.
 * ext4 has what its own developers test crashes with: EXT4_IOC_SHUTDOWN with NOLOGFLUSH stops the file system in one
 * instant, in the middle of whatever it does. The journal is aborted, dirty pages and the running transaction are
 * dropped, and from then on nothing but an I/O error comes back. Unmounting writes no more than blocks of transactions
 * that the journal already holds, and leaves the mark that the journal must be replayed. So the image is what the disk
 * had, and mounting it again is the start after the cut.
 *
 * What this does not show is a disk that lies about its cache: a block that the loop device took counts as written.
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
      // Another system, another name.
    }
  }
  return undefined;
}

/** A disk whose power can be cut. */
export interface Disk {
  readonly path: string;
  /** From here on nothing reaches the disk, and what had not is lost. Processes that use it should be frozen before. */
  cut(): void;
  /** Power is back: mounts what the disk holds. Nobody may use the old file system any more. */
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

/** Why no power can be cut here; undefined where it can. */
export function reasonAgainstPowerCuts(): string | undefined {
  if (process.platform === "linux" && openLibc() === undefined) return "the C library was not found";
  return reasonAgainstImages();
}
