import { type EntryProblem, printable, UnreadableArchive, unreadableEntry } from "./archive-fault.ts";
import { EntryExtensions, type ExtensionType, isExtensionType } from "./entry-extensions.ts";
import type { EntryKind } from "./entry-name.ts";
import { fileFormat } from "./file-format.ts";
import {
  hasHeaderChecksum,
  isZero,
  malformedField,
  readTarHeader,
  TAR_BLOCK_BYTES,
  type TarHeader,
} from "./tar-header.ts";

/** A file or directory of the tar. `name` is raw and not checked yet. */
export interface TarEntry {
  readonly name: Uint8Array;
  readonly kind: EntryKind;
  readonly sizeBytes: number;
}

/**
 * Receives a tar while it is walked: `entry`, then its content in pieces, then `entryEnd`. Problems
 * of an entry come before it.
 */
export interface TarVisitor {
  entry(entry: TarEntry): void;
  /**
   * Receives a piece of the content of the current entry. The bytes are only valid during the call.
   */
  content(piece: Uint8Array): void;
  entryEnd(): void;
  problem(problem: EntryProblem): void;
}

type WalkState = "header" | "content" | "extension" | "skip" | "padding" | "ending" | "ended";

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
const SLASH = 0x2f;

/** What entries of these types are, and what to do about them. */
const TYPE_ADVICE: Readonly<Record<string, string>> = {
  "1": "a hard link: pack the file twice, with tar --hard-dereference",
  "2": "a symbolic link: pack the file that it points to, with tar -h (--dereference)",
  "3": "a character device: remove it",
  "4": "a block device: remove it",
  "6": "a FIFO: remove it",
  D: "a list of an incremental backup: pack without --listed-incremental",
  K: "the long name of a link: pack the file that it points to, with tar -h (--dereference)",
  M: "the rest of a file from another volume: pack without --multi-volume",
  S: "a sparse file: pack without --sparse (-S)",
  V: "the name of a volume: pack without --label",
  X: "a Solaris PAX header: pack with tar --format=pax",
};

/**
 * Walks a tar that is pushed in chunks of any size: ustar, PAX, Unix V7, and of GNU tar the long
 * names and large owners. It is stricter than any reader, so that every reader unpacks the same
 * files: anything that two readers could read differently is a fault.
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
  /** The content of an extension header, with its padding, because that must be zero. */
  #extensionBlocks = new Uint8Array(0);
  #extensionSizeBytes = 0;
  #extensionType: ExtensionType = "x";
  readonly #extensions = new EntryExtensions();
  /** The name of the last header, printable; undefined before the first. */
  #lastPath: string | undefined;

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
    if (this.#state === "ended") return;
    const path = this.#lastPath;
    if (path === undefined && this.#blockFilled > 0) {
      throw this.#notAHeader(this.#block.subarray(0, this.#blockFilled), "tar_truncated");
    }
    const where = path === undefined ? "" : ` in or after entry "${path}"`;
    const message = `the tar ends too early${where}, without its two zero blocks: pack it again`;
    throw new UnreadableArchive("tar_truncated", message, path);
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
      this.#reportExtensions(this.#lastPath ?? "");
      if (!this.#extensions.isEmpty) throw badEnd("a PAX header or a GNU long name has no entry after it");
      this.#state = "ending";
    } else {
      if (!hasHeaderChecksum(block)) throw this.#notAHeader(block, "tar_bad_checksum");
      this.#onHeader(readTarHeader(block));
    }
  }

  #onHeader(header: TarHeader): void {
    const path = printable(new TextDecoder().decode(this.#extensions.name ?? header.name));
    this.#lastPath = path;
    const { sizeBytes } = header;
    if (sizeBytes === undefined) throw withoutSize(header.type, path);
    for (const problem of header.problems) this.#extensions.addProblem({ code: "tar_bad_field", problem });
    if (isExtensionType(header.type)) this.#startExtension(header.type, sizeBytes, path);
    else {
      this.#reportExtensions(path);
      if (header.type === "0" || header.type === "5") this.#startEntry(header, sizeBytes, path);
      else this.#refuseType(header.type, sizeBytes, path);
      this.#extensions.clear();
    }
    if (this.#remaining === 0) this.#bodyEnd();
  }

  #reportExtensions(path: string): void {
    for (const problem of this.#extensions.problemsOf(path)) this.#visitor.problem(problem);
  }

  #startExtension(type: ExtensionType, sizeBytes: number, path: string): void {
    const refusal = this.#extensions.refusalOf(type, sizeBytes, path);
    if (refusal !== undefined) throw refusal;
    this.#extensionType = type;
    this.#extensionSizeBytes = sizeBytes;
    this.#extensionBlocks = new Uint8Array(sizeBytes + paddingOf(sizeBytes));
    this.#startBody("extension", this.#extensionBlocks.length);
  }

  #startEntry(header: TarHeader, sizeBytes: number, path: string): void {
    const name = this.#extensions.name ?? header.name;
    const kind = header.oldKind ?? (header.type === "5" ? "directory" : "file");
    if (kind === "directory" && sizeBytes > 0) {
      throw unreadableEntry({ path, code: "tar_bad_field", problem: "is a directory with a size: pack it again" });
    }
    if (this.#extensions.sizeBytes !== undefined && this.#extensions.sizeBytes !== sizeBytes) {
      const problem = "has another size in its PAX header than in its tar header: pack it again";
      throw unreadableEntry({ path, code: "tar_bad_pax", problem });
    }
    if (header.oldKind !== undefined && this.#isKindUnclear(name, header.oldKind)) {
      const problem = "is a file to some readers and a directory to others: pack with tar --format=pax";
      this.#visitor.problem({ path, code: "tar_bad_field", problem });
    }
    this.#visitor.entry({ name, kind, sizeBytes });
    this.#startBody("content", sizeBytes);
  }

  /**
   * Returns whether readers disagree about an entry with the NUL type of Unix V7. Python
   * decides by the name in the header. The other readers decide by the name in a PAX header or a GNU
   * long name, if there is one. GNU tar takes a lone `/` for a file.
   */
  #isKindUnclear(name: Uint8Array, oldKind: EntryKind): boolean {
    if (name.length === 1 && name[0] === SLASH) return true;
    return this.#extensions.name !== undefined && (name.at(-1) === SLASH) !== (oldKind === "directory");
  }

  #refuseType(type: string, sizeBytes: number, path: string): void {
    const refused = forbiddenType(type, path);
    if (type === SPARSE_TYPE || (CONTENTLESS_TYPES.includes(type) && sizeBytes > 0)) throw unreadableEntry(refused);
    this.#visitor.problem(refused);
    this.#startBody("skip", sizeBytes);
  }

  #startBody(state: "content" | "extension" | "skip", sizeBytes: number): void {
    this.#state = state;
    this.#remaining = sizeBytes;
    this.#paddingAfter = paddingOf(sizeBytes);
  }

  #takeBody(bytes: Uint8Array): number {
    const part = bytes.length > this.#remaining ? bytes.subarray(0, this.#remaining) : bytes;
    if (this.#state === "content") this.#visitor.content(part);
    else if (this.#state === "extension") {
      this.#extensionBlocks.set(part, this.#extensionBlocks.length - this.#remaining);
    }
    this.#remaining -= part.length;
    if (this.#remaining === 0) this.#bodyEnd();
    return part.length;
  }

  #bodyEnd(): void {
    if (this.#state === "content") this.#visitor.entryEnd();
    if (this.#state === "extension") {
      this.#extensions.read(this.#extensionType, this.#extensionBlocks, this.#extensionSizeBytes);
    }
    this.#remaining = this.#paddingAfter;
    this.#paddingAfter = 0;
    this.#state = this.#remaining > 0 ? "padding" : "header";
  }

  /** Says what stands where a header should. */
  #notAHeader(bytes: Uint8Array, code: "tar_bad_checksum" | "tar_truncated"): UnreadableArchive {
    if (this.#lastPath !== undefined) {
      const message = `the header after entry "${this.#lastPath}" has a wrong checksum: pack the archive again with cpm`;
      return new UnreadableArchive(code, message, this.#lastPath);
    }
    const format = fileFormat(bytes);
    if (format === "gzip") {
      const message = "the archive is gzip-compressed twice: upload what tar -czf or cpm made, without gzip once more";
      return new UnreadableArchive(code, message);
    }
    const held = format === undefined ? "no tar" : `no tar, it is ${format}`;
    const message = `what the archive compresses is ${held}: pack with tar -czf package.cpm -C folder . or with cpm`;
    return new UnreadableArchive(code, message);
  }
}

/** Returns the number of bytes that fill the last block of a body. */
function paddingOf(sizeBytes: number): number {
  return (TAR_BLOCK_BYTES - (sizeBytes % TAR_BLOCK_BYTES)) % TAR_BLOCK_BYTES;
}

function badEnd(what: string): UnreadableArchive {
  return new UnreadableArchive("tar_bad_end", `${what}: pack the archive again with cpm`);
}

function forbiddenType(type: string, path: string): EntryProblem {
  const what = TYPE_ADVICE[type] ?? `of tar type "${printable(type)}": pack with tar --format=pax`;
  return { path, code: "entry_type_forbidden", problem: `is ${what}` };
}

/** GNU tar leaves the size of a volume's name empty, so the type says more than the size. */
function withoutSize(type: string, path: string): UnreadableArchive {
  const isKnown = TYPE_ADVICE[type] !== undefined;
  return unreadableEntry(
    isKnown ? forbiddenType(type, path) : { path, code: "tar_bad_field", problem: malformedField("size") },
  );
}
