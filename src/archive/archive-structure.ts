import type { ArchiveLimits } from "../domain/limits.ts";
import { type ArchiveFault, type EntryProblem, printable, UnreadableArchive } from "./archive-fault.ts";
import { readEntryName } from "./entry-name.ts";
import { EntryNames } from "./entry-names.ts";
import { FaultList } from "./fault-list.ts";
import type { TarEntry, TarVisitor } from "./tar.ts";
import { TextFile } from "./text-file.ts";

const MANIFEST = "colony.yaml";
/** Names that people use by mistake. The client opens `colony.yaml` and nothing else. */
const MANIFEST_MISSPELLED = /^colony\.(?:ya?ml|json)$/i;

/**
 * Collects the manifest of an archive and every reason to reject it. It looks at no other file's
 * content, so it is cheap enough for archives whose signature was not checked. Its memory depends
 * on the number of entries and the size of the manifest, never on the size of the archive.
 */
export class ArchiveStructure implements TarVisitor {
  readonly faults = new FaultList();
  readonly #limits: ArchiveLimits;
  readonly #names = new EntryNames();
  #entries = 0;
  #manifest: TextFile | undefined;
  #manifestSeen = false;
  #misspelled: string | undefined;
  #nested: string | undefined;
  /** The manifest while the walk is inside it. */
  #open: TextFile | undefined;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /** The bytes of the manifest, if one was read completely. */
  get manifestBytes(): Uint8Array | undefined {
    return this.#manifest?.bytes;
  }

  problem(problem: EntryProblem): void {
    this.faults.addProblem(problem);
  }

  entry(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entriesMax) {
      const message = `the archive has more than ${this.#limits.entriesMax} entries: remove files from the package`;
      throw new UnreadableArchive("too_many_entries", message);
    }
    const { path, created, problems } = readEntryName(entry.name, entry.kind);
    const isManifest = created === MANIFEST && entry.kind === "file";
    for (const problem of problems) this.problem(problem);
    if (problems.length === 0 && !(isManifest && this.#manifestSeen)) {
      for (const problem of this.#names.add(path, entry.kind)) this.problem(problem);
    }
    this.#open = entry.kind === "file" ? this.#manifestIn(created, path, entry.sizeBytes) : undefined;
  }

  content(piece: Uint8Array): void {
    this.#open?.push(piece);
  }

  entryEnd(): void {
    this.#manifest ??= this.#open;
    this.#open = undefined;
  }

  /** Returns the faults for missing entries. It is meaningful only after a complete read. */
  missing(): ArchiveFault[] {
    const spelled = this.#misspelled === undefined ? "" : printable(this.#misspelled);
    if (spelled !== "") {
      const message = `"${spelled}" is not a name the client looks for: rename it to ${MANIFEST}`;
      return [{ path: spelled, code: "manifest_misspelled", message }];
    }
    if (this.#manifestSeen) return [];
    const hint =
      this.#nested === undefined
        ? `add a ${MANIFEST} at the root`
        : `"${printable(this.#nested)}" is not at the root, pack the folder's content instead of the folder`;
    return [{ path: MANIFEST, code: "manifest_missing", message: `the archive has no ${MANIFEST}: ${hint}` }];
  }

  /**
   * Returns where to collect a file if it is the manifest. Records names that were probably meant
   * as the manifest.
   */
  #manifestIn(created: string, path: string, sizeBytes: number): TextFile | undefined {
    if (created === MANIFEST) return this.#manifestText(sizeBytes);
    if (MANIFEST_MISSPELLED.test(path)) this.#misspelled ??= created;
    if (path.endsWith(`/${MANIFEST}`)) this.#nested ??= created;
    return undefined;
  }

  #manifestText(sizeBytes: number): TextFile | undefined {
    if (this.#manifestSeen) {
      const message = `the archive has more than one ${MANIFEST}: pack it once`;
      this.faults.add({ path: MANIFEST, code: "manifest_duplicate", message });
      return undefined;
    }
    this.#manifestSeen = true;
    const maxBytes = this.#limits.manifestMaxBytes;
    if (sizeBytes <= maxBytes) return new TextFile(MANIFEST, sizeBytes, maxBytes);
    const message = `${MANIFEST} is larger than ${maxBytes} bytes: shorten it`;
    this.faults.add({ path: MANIFEST, code: "manifest_too_large", message });
    return undefined;
  }
}
