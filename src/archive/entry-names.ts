import { type ArchiveFault, type EntryNameFaultCode, printable } from "./archive-fault.ts";
import { type EntryKind, explain } from "./entry-name.ts";

interface SeenName {
  readonly path: string;
  readonly kind: EntryKind;
  /** False for a directory that so far is only known from names below it. */
  listed: boolean;
}

/**
 * The names of one archive, and what they mean to each other: no name twice, no two names that a file system without
 * case or with other normalisation takes for one, no file that is also a directory. Parents count as directories even
 * when the archive has no entry for them. Its size follows the number and depth of entries, both limited.
 */
export class EntryNames {
  readonly #seen = new Map<string, SeenName>();

  /** Adds a normalised name and returns what conflicts with the names before it. The `.` directory is the empty path. */
  add(path: string, kind: EntryKind): ArchiveFault[] {
    const codes = new Set<EntryNameFaultCode>();
    this.#addParents(path, codes);
    const code = this.#addEntry(path, kind);
    if (code !== undefined) codes.add(code);
    const shown = printable(path === "" ? "." : path);
    return [...codes].map((found) => ({ path: shown, code: found, message: explain(found, shown) }));
  }

  #addEntry(path: string, kind: EntryKind): EntryNameFaultCode | undefined {
    const key = foldPath(path);
    const known = this.#seen.get(key);
    if (known === undefined) {
      this.#seen.set(key, { path, kind, listed: true });
      return undefined;
    }
    if (known.path !== path) return "name_case_conflict";
    if (known.kind !== kind) return "name_file_and_directory";
    if (known.listed) return "name_duplicate";
    known.listed = true;
    return undefined;
  }

  #addParents(path: string, codes: Set<EntryNameFaultCode>): void {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const parent = path.slice(0, at);
      const key = foldPath(parent);
      const known = this.#seen.get(key);
      if (known === undefined) {
        this.#seen.set(key, { path: parent, kind: "directory", listed: false });
        continue;
      }
      if (known.path !== parent) codes.add("name_case_conflict");
      else if (known.kind === "file") codes.add("name_file_and_directory");
      // A directory that is known was added together with its own parents.
      return;
    }
  }
}

/**
 * Upper-casing before lower-casing also joins the letters that lower-casing alone keeps apart and file systems do not
 * (`ß` and `SS`, `ſ` and `s`).
 */
function foldPath(path: string): string {
  return path.toUpperCase().toLowerCase().normalize("NFC");
}
