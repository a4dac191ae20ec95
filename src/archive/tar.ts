import { PAX_HEADER_MAX_BYTES } from "../domain/limits.ts";
import { type ArchiveFault, printable, UnreadableArchive } from "./archive-fault.ts";
import type { EntryKind } from "./entry-name.ts";
import { type PaxRecords, readPaxRecords } from "./pax.ts";
import { isZero, readTarHeader, TAR_BLOCK_BYTES, type TarHeader } from "./tar-header.ts";

/** A file or directory of the tar. `name` is raw and not checked yet. */
export interface TarEntry {
  readonly name: Uint8Array;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
}

/**
 * Receives a tar while it is walked: `entry`, then its content in pieces, then `entryEnd`. Faults
 * can come at any time.
 */
export interface TarVisitor {
  entry(entry: TarEntry): void;
  /**
   * Receives a piece of the content of the current entry. The bytes are only valid during the call.
   */
  content(piece: Uint8Array): void;
  entryEnd(): void;
  fault(fault: ArchiveFault): void;
}

type WalkState = "header" | "content" | "pax" | "skip" | "padding" | "ending" | "ended";

/**
 * The type flags of entries that have no content. If their size is not 0, readers disagree whether
 * content follows.
 */
const CONTENTLESS_TYPES = "123456";
/**
 * Old GNU sparse files have more headers after their header, so the position of the next header is
 * unknown.
 */
const SPARSE_TYPE = "S";

const TYPE_NAMES: Readonly<Record<string, string>> = {
  "1": "a hard link",
  "2": "a symbolic link",
  "3": "a character device",
  "4": "a block device",
  "6": "a FIFO",
  g: "a global PAX header",
  K: "a GNU long link name",
  L: "a GNU long name",
  S: "a GNU sparse file",
};

/**
 * Walks a tar (POSIX ustar and PAX) that is pushed in chunks of any size. It is stricter than any
 * reader, so that every reader unpacks the same files: anything that two readers could read
 * differently is a fault.
 *
 * Faults that leave the position of the next header uncertain are thrown as `UnreadableArchive`.
 * The walker must not be used after that.
 */
export class TarWalker {
  readonly #visitor: TarVisitor;
  readonly #block = new Uint8Array(TAR_BLOCK_BYTES);
  #blockFilled = 0;
  #state: WalkState = "header";
  #remaining = 0;
  #paddingAfter = 0;
  /** Holds the padding too, because it must be zero. */
  #paxBlocks = new Uint8Array(0);
  #paxSizeBytes = 0;
  #pax: PaxRecords | undefined;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  /** Walks over the next bytes. The chunk is not stored. */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) at += this.#step(at === 0 ? chunk : chunk.subarray(at));
  }

  /** Ends the tar. Throws `tar_truncated` unless both end blocks were seen. */
  end(): void {
    if (this.#state !== "ended") {
      throw new UnreadableArchive(
        "tar_truncated",
        "the tar ends too early, without its two zero blocks: pack it again",
      );
    }
  }

  /** Consumes at least one byte from the start of `bytes` and returns how many. */
  #step(bytes: Uint8Array): number {
    switch (this.#state) {
      case "header":
      case "ending":
        return this.#takeHeader(bytes);
      case "ended":
        if (!isZero(bytes)) throw badEnd("bytes follow the end of the tar");
        return bytes.length;
      default:
        return this.#takeBody(bytes);
    }
  }

  #takeHeader(bytes: Uint8Array): number {
    if (this.#blockFilled === 0 && bytes.length >= TAR_BLOCK_BYTES) {
      this.#onBlock(bytes.subarray(0, TAR_BLOCK_BYTES));
      return TAR_BLOCK_BYTES;
    }
    const part = bytes.subarray(0, TAR_BLOCK_BYTES - this.#blockFilled);
    this.#block.set(part, this.#blockFilled);
    this.#blockFilled += part.length;
    if (this.#blockFilled === TAR_BLOCK_BYTES) {
      this.#blockFilled = 0;
      this.#onBlock(this.#block);
    }
    return part.length;
  }

  #onBlock(block: Uint8Array): void {
    const zero = isZero(block);
    if (this.#state === "ending") {
      if (!zero) throw badEnd("a single zero block is between two entries");
      this.#state = "ended";
    } else if (zero) {
      if (this.#pax !== undefined) throw badEnd("a PAX header has no entry after it");
      this.#state = "ending";
    } else {
      this.#onHeader(readTarHeader(block));
    }
  }

  #onHeader(header: TarHeader): void {
    const path = printable(new TextDecoder().decode(this.#pax?.path ?? header.name));
    for (const fault of header.faults) this.#visitor.fault({ ...fault, path });
    if (header.type === "x") this.#startPax(header, path);
    else if (header.type === "0" || header.type === "5") this.#startEntry(header, path);
    else this.#refuseType(header, path);
    if (this.#remaining === 0) this.#bodyEnd();
  }

  #startPax(header: TarHeader, path: string): void {
    if (this.#pax !== undefined) throw new UnreadableArchive("tar_bad_pax", "one entry has two PAX headers", path);
    if (header.sizeBytes > PAX_HEADER_MAX_BYTES) {
      const message = `a PAX header is larger than ${PAX_HEADER_MAX_BYTES} bytes: shorten the file's path`;
      throw new UnreadableArchive("tar_bad_pax", message, path);
    }
    this.#paxSizeBytes = header.sizeBytes;
    this.#paxBlocks = new Uint8Array(header.sizeBytes + paddingOf(header.sizeBytes));
    this.#startBody("pax", this.#paxBlocks.length);
  }

  #startEntry(header: TarHeader, path: string): void {
    const pax = this.#pax;
    this.#pax = undefined;
    if (header.type === "5" && header.sizeBytes > 0) {
      throw new UnreadableArchive(
        "tar_bad_field",
        `directory "${path}" has a size: pack the archive again with cpm`,
        path,
      );
    }
    if (pax?.sizeBytes !== undefined && pax.sizeBytes !== header.sizeBytes) {
      throw new UnreadableArchive("tar_bad_pax", `the PAX size of "${path}" is not the size in its header`, path);
    }
    const kind = header.type === "5" ? "directory" : "file";
    this.#visitor.entry({ name: pax?.path ?? header.name, kind, sizeBytes: header.sizeBytes });
    this.#startBody("content", header.sizeBytes);
  }

  #refuseType(header: TarHeader, path: string): void {
    this.#pax = undefined;
    const what = TYPE_NAMES[header.type] ?? `of tar type "${printable(header.type)}"`;
    const message = `entry "${path}" is ${what}: packages hold only files and directories`;
    if (header.type === SPARSE_TYPE || (CONTENTLESS_TYPES.includes(header.type) && header.sizeBytes > 0)) {
      throw new UnreadableArchive("entry_type_forbidden", message, path);
    }
    this.#visitor.fault({ path, code: "entry_type_forbidden", message });
    this.#startBody("skip", header.sizeBytes);
  }

  #startBody(state: "content" | "pax" | "skip", sizeBytes: number): void {
    this.#state = state;
    this.#remaining = sizeBytes;
    this.#paddingAfter = paddingOf(sizeBytes);
  }

  #takeBody(bytes: Uint8Array): number {
    const part = bytes.length > this.#remaining ? bytes.subarray(0, this.#remaining) : bytes;
    if (this.#state === "content") this.#visitor.content(part);
    else if (this.#state === "pax") this.#paxBlocks.set(part, this.#paxBlocks.length - this.#remaining);
    this.#remaining -= part.length;
    if (this.#remaining === 0) this.#bodyEnd();
    return part.length;
  }

  #bodyEnd(): void {
    if (this.#state === "content") this.#visitor.entryEnd();
    if (this.#state === "pax") this.#onPax();
    this.#remaining = this.#paddingAfter;
    this.#paddingAfter = 0;
    this.#state = this.#remaining > 0 ? "padding" : "header";
  }

  #onPax(): void {
    this.#pax = readPaxRecords(this.#paxBlocks.subarray(0, this.#paxSizeBytes));
    for (const fault of this.#pax.faults) this.#visitor.fault(fault);
    if (isZero(this.#paxBlocks.subarray(this.#paxSizeBytes))) return;
    // Python since 2024 takes these bytes for records, and ends its list of files there.
    const message = "bytes follow the records of a PAX header: pack the archive again with cpm";
    this.#visitor.fault({ path: "", code: "tar_bad_pax", message });
  }
}

/** Returns the number of bytes that fill the last block of a body. */
function paddingOf(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

function badEnd(what: string): UnreadableArchive {
  return new UnreadableArchive("tar_bad_end", `${what}: pack the archive again with cpm`);
}
