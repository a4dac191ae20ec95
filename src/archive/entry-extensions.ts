import { PAX_HEADER_MAX_BYTES } from "../domain/limits.ts";
import { type EntryProblem, printable, type UnreadableArchive, unreadableEntry } from "./archive-fault.ts";
import { globalKeyOf, type PaxRecords, readPaxRecords } from "./pax.ts";
import { isZero } from "./tar-header.ts";

/** The type flags of extension headers, which describe the entry after them. */
export type ExtensionType = "x" | "g" | "L";

type Problem = Omit<EntryProblem, "path">;

/** Returns whether a type flag marks an extension header. */
export function isExtensionType(type: string): type is ExtensionType {
  return type === "x" || type === "g" || type === "L";
}

/**
 * The extension headers before one entry: at most one PAX header, one GNU long name, and before
 * both a global PAX header with a comment. What is wrong with them is reported with the name of the
 * entry, which is known only later.
 */
export class EntryExtensions {
  #pax: PaxRecords | undefined;
  #longName: Uint8Array | undefined;
  #hasGlobal = false;
  #problems: Problem[] = [];

  /** Whether no extension header was read since the last entry. */
  get isEmpty(): boolean {
    return this.#pax === undefined && this.#longName === undefined && !this.#hasGlobal;
  }

  /** The name of the entry if it is not the one in its own header. */
  get name(): Uint8Array | undefined {
    return this.#pax?.path ?? this.#longName;
  }

  /** The size of the entry by a PAX record. */
  get sizeBytes(): number | undefined {
    return this.#pax?.sizeBytes;
  }

  /** Adds a problem of the entry. */
  addProblem(problem: Problem): void {
    this.#problems.push(problem);
  }

  /**
   * Returns why a header of this type and size cannot be read here; undefined if it can. Readers
   * nest their calls for each extension header, so a long row of them makes Python fail.
   */
  refusalOf(type: ExtensionType, sizeBytes: number, path: string): UnreadableArchive | undefined {
    const tooLarge = `is larger than ${PAX_HEADER_MAX_BYTES} bytes`;
    if (type === "L") {
      if (this.#longName !== undefined) return refused(path, "has two GNU long names: pack with tar --format=pax");
      if (sizeBytes <= PAX_HEADER_MAX_BYTES) return undefined;
      return unreadableEntry({ path, code: "name_too_long", problem: `has a name that ${tooLarge}: shorten the path` });
    }
    if (type === "g") {
      if (!this.isEmpty) return refused(path, "has a global PAX header after another header of its own");
      return sizeBytes > PAX_HEADER_MAX_BYTES ? refused(path, `has a global PAX header that ${tooLarge}`) : undefined;
    }
    if (this.#pax !== undefined) return badPax(path, "has two PAX headers: pack it again with tar --format=pax");
    if (sizeBytes <= PAX_HEADER_MAX_BYTES) return undefined;
    const advice = "shorten the path, or pack without extended attributes: COPYFILE_DISABLE=1 tar --no-xattrs";
    return badPax(path, `has a PAX header that ${tooLarge}: ${advice}`);
  }

  /** Reads the content of an extension header, with the bytes that fill its last block. */
  read(type: ExtensionType, blocks: Uint8Array, sizeBytes: number): void {
    if (type === "L") this.#readLongName(blocks);
    else this.#readPax(type, blocks, sizeBytes);
  }

  /** Returns everything that is wrong with the extension headers of this entry. */
  problemsOf(path: string): EntryProblem[] {
    if (this.#longName !== undefined && this.#pax?.path !== undefined) {
      const problem = "has a GNU long name and a PAX path, of which readers use one: pack with tar --format=pax";
      this.#problems.push({ code: "entry_type_forbidden", problem });
    }
    return this.#problems.map((problem) => ({ ...problem, path }));
  }

  /** Forgets the extension headers before the next entry. */
  clear(): void {
    this.#pax = undefined;
    this.#longName = undefined;
    this.#hasGlobal = false;
    if (this.#problems.length > 0) this.#problems = [];
  }

  /** Bytes after the end of the name are part of it for some readers. */
  #readLongName(blocks: Uint8Array): void {
    const zero = blocks.indexOf(0);
    const name = zero === -1 ? blocks : blocks.subarray(0, zero);
    // Without a name, some readers use the one in the header of the entry.
    this.#longName = name.length === 0 ? undefined : name.slice();
    const code = "entry_type_forbidden" as const;
    if (name.length === 0) this.addProblem({ code, problem: "has an empty GNU long name: pack with tar --format=pax" });
    if (!isZero(blocks.subarray(name.length)))
      this.addProblem({ code, problem: "has bytes after its GNU long name: pack with tar --format=pax" });
  }

  #readPax(type: "x" | "g", blocks: Uint8Array, sizeBytes: number): void {
    const content = blocks.subarray(0, sizeBytes);
    const records = readPaxRecords(content);
    const globalKey = type === "g" ? globalKeyOf(content) : undefined;
    if (type === "x") this.#pax = records;
    else this.#hasGlobal = true;
    if (globalKey !== undefined) {
      const key = printable(globalKey, 60);
      const problem = `follows a global PAX header with the key "${key}", which changes it for some readers only: pack with tar --format=pax and without --pax-option`;
      this.addProblem({ code: "entry_type_forbidden", problem });
      return;
    }
    for (const problem of records.problems) this.addProblem({ code: "tar_bad_pax", problem });
    if (isZero(blocks.subarray(sizeBytes))) return;
    // Python since 2024 takes these bytes for records, and ends its list of files there.
    const problem = "has bytes after the records of its PAX header: pack it again with tar --format=pax";
    this.addProblem({ code: "tar_bad_pax", problem });
  }
}

function refused(path: string, problem: string): UnreadableArchive {
  return unreadableEntry({ path, code: "entry_type_forbidden", problem });
}

function badPax(path: string, problem: string): UnreadableArchive {
  return unreadableEntry({ path, code: "tar_bad_pax", problem });
}
