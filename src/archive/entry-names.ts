import { type EntryNameFaultCode, type EntryProblem, printable } from "./archive-fault.ts";
import { type EntryKind, entryNameProblem } from "./entry-name.ts";

interface SeenName {
  readonly path: string;
  readonly kind: EntryKind;
  /** False for a directory that is so far known only as the parent of other entries. */
  hasEntry: boolean;
}

/**
 * Checks the names of one archive against each other. No name may appear twice, and no file may
 * also be a directory. No two names may be the same on a file system that ignores case or
 * normalises Unicode.
 *
 * Parents count as directories even if the archive has no entry for them. Its memory grows with the
 * number and depth of entries, both of which are limited.
 */
export class EntryNames {
  readonly #seen = new Map<string, SeenName>();

  /**
   * Adds a normalised name and returns its conflicts with the names before it. The `.` directory is
   * the empty path.
   */
  add(path: string, kind: EntryKind): EntryProblem[] {
    const codes = new Set<EntryNameFaultCode>();
    this.#addParents(path, codes);
    const code = this.#addEntry(path, kind);
    if (code !== undefined) codes.add(code);
    if (codes.size === 0) return [];
    const shown = printable(path === "" ? "." : path);
    return [...codes].map((found) => entryNameProblem(found, shown));
  }

  #addEntry(path: string, kind: EntryKind): EntryNameFaultCode | undefined {
    const key = foldPath(path);
    const known = this.#seen.get(key);
    if (known === undefined) {
      this.#seen.set(key, { path, kind, hasEntry: true });
      return undefined;
    }
    if (known.path !== path) return "name_case_conflict";
    if (known.kind !== kind) return "name_file_and_directory";
    if (known.hasEntry) return "name_duplicate";
    known.hasEntry = true;
    return undefined;
  }

  #addParents(path: string, codes: Set<EntryNameFaultCode>): void {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const parent = path.slice(0, at);
      const key = foldPath(parent);
      const known = this.#seen.get(key);
      if (known === undefined) {
        this.#seen.set(key, { path: parent, kind: "directory", hasEntry: false });
        continue;
      }
      if (known.path !== parent) codes.add("name_case_conflict");
      else if (known.kind === "file") codes.add("name_file_and_directory");
      // Stop: a known directory's parents were added with it.
      return;
    }
  }
}

/**
 * Folds a path. Upper-casing before lower-casing also joins letters that lower-casing alone keeps
 * apart and file systems do not (`ß` and `SS`, `ſ` and `s`).
 */
function foldPath(path: string): string {
  return path.toUpperCase().toLowerCase().normalize("NFC");
}
