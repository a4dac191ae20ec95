import { createHash, type Hash } from "node:crypto";
import {
  ARCHIVE_FAULTS_MAX,
  type ArchiveLimits,
  STORED_TEXT_MAX_BYTES,
  TEMPLATE_SCAN_MAX_BYTES,
  TEMPLATE_SCANS_MAX_BYTES,
} from "../domain/limits.ts";
import { type ArchiveFault, printable, UnreadableArchive } from "./archive-fault.ts";
import type { ArchiveWarning } from "./archive-warning.ts";
import { readEntryName } from "./entry-name.ts";
import { EntryNames } from "./entry-names.ts";
import { SecretScan } from "./secret-scan.ts";
import type { TarEntry, TarVisitor } from "./tar.ts";
import { TemplateScan } from "./template-scan.ts";
import { TextFile } from "./text-file.ts";

export interface ArchiveFile {
  /** Normalised: `/` between segments, no `./` before them. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** 64 lower-case hexadecimal characters. */
  readonly sha256: string;
}

interface OpenFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly hash: Hash;
  readonly text: TextFile | undefined;
  readonly scan: TemplateScan | undefined;
  /** The number of bytes of the file that `scan` reads. */
  readonly scanBytes: number;
}

const MANIFEST = "colony.yaml";
const VALUES = "values.yaml";
/** Names that people use by mistake. The client opens `colony.yaml` and nothing else. */
const MANIFEST_MISSPELLED = /^colony\.(?:ya?ml|json)$/i;
/**
 * The most warnings about single files; further ones are counted. So the warnings of a version stay
 * small.
 */
const FILE_WARNINGS_MAX = 50;

/**
 * Collects what a walk over a tar finds: files with their digests, the texts to store, faults and
 * warnings. Its memory depends on the number of entries and the size of these texts, never on the
 * size of the archive.
 */
export class ArchiveRecord implements TarVisitor {
  readonly faults: ArchiveFault[] = [];
  faultsLeftOut = 0;
  readonly secrets = new SecretScan();
  readonly #limits: ArchiveLimits;
  readonly #names = new EntryNames();
  readonly #files: ArchiveFile[] = [];
  readonly #fileWarnings: ArchiveWarning[] = [];
  readonly #texts = new Map<string, TextFile>();
  #entries = 0;
  #backslashes = false;
  #hasTemplates = false;
  #manifestSeen = false;
  #misspelled: string | undefined;
  #nested: string | undefined;
  #scanLeftBytes = TEMPLATE_SCANS_MAX_BYTES;
  #open: OpenFile | undefined;

  constructor(limits: ArchiveLimits) {
    this.#limits = limits;
  }

  /** The bytes of the manifest, if one was read completely. */
  get manifestBytes(): Uint8Array | undefined {
    return this.#texts.get(MANIFEST)?.bytes;
  }

  get readme(): string | undefined {
    return this.#texts.get("readme.md")?.text;
  }

  get values(): string | undefined {
    return this.#texts.get(VALUES)?.text;
  }

  fault(fault: ArchiveFault): void {
    // Ten thousand bad entries must not become ten thousand messages.
    if (this.faults.length < ARCHIVE_FAULTS_MAX) this.faults.push(fault);
    else this.faultsLeftOut += 1;
  }

  entry(entry: TarEntry): void {
    this.#entries += 1;
    if (this.#entries > this.#limits.entriesMax) {
      const message = `the archive has more than ${this.#limits.entriesMax} entries: remove files from the package`;
      throw new UnreadableArchive("too_many_entries", message);
    }
    const { path, backslashes, faults } = readEntryName(entry.name, entry.kind);
    this.#backslashes ||= backslashes;
    const isManifest = path === MANIFEST && entry.kind === "file";
    for (const fault of faults) this.fault(fault);
    if (faults.length === 0 && !(isManifest && this.#manifestSeen)) {
      for (const fault of this.#names.add(path, entry.kind)) this.fault(fault);
    }
    this.#hasTemplates ||= path === "templates" || path.startsWith("templates/");
    if (entry.kind === "file") this.#openFile(path, entry.sizeBytes);
  }

  content(piece: Uint8Array): void {
    if (this.#open === undefined) return;
    this.#open.hash.update(piece);
    this.#open.text?.push(piece);
    this.#open.scan?.push(piece);
    this.secrets.push(piece);
  }

  entryEnd(): void {
    const file = this.#open;
    if (file === undefined) return;
    this.#open = undefined;
    this.secrets.fileEnd();
    this.#files.push({ path: file.path, size: file.sizeBytes, sha256: file.hash.digest("hex") });
    if (file.text !== undefined)
      this.#texts.set(file.path === MANIFEST ? MANIFEST : file.path.toLowerCase(), file.text);
    for (const name of file.scan?.found ?? []) {
      this.#fileWarnings.push({
        code: "template_reads_environment",
        message: `template "${printable(file.path)}" calls ${name}, which reads the machine on which the package is installed`,
        path: file.path,
      });
    }
    if (file.scan !== undefined && file.sizeBytes > file.scanBytes) {
      this.#fileWarnings.push({
        code: "template_not_scanned",
        message: `only the first ${file.scanBytes} bytes of template "${printable(file.path)}" were searched for calls that read the machine`,
        path: file.path,
      });
    }
  }

  sortedFiles(): ArchiveFile[] {
    return this.#files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** The faults for what an archive lacks. Call it only if the archive was read completely. */
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

  warnings(): ArchiveWarning[] {
    const warnings: ArchiveWarning[] = [];
    if (!this.#files.some((file) => file.path === VALUES)) {
      warnings.push({ code: "values_missing", message: "the package has no values.yaml, so it has no default values" });
    }
    if (!this.#hasTemplates) {
      warnings.push({
        code: "templates_missing",
        message: "the package has no templates/ folder, so it installs nothing",
      });
    }
    if (this.#backslashes) {
      const message = "entry names have \\ between folders, as packed on Windows: they are listed with /";
      warnings.push({ code: "backslash_names", message });
    }
    if (this.secrets.gaveUp) {
      const message =
        "the package has so many texts that look like the start of a secret that it was not searched to its end";
      warnings.push({ code: "secrets_not_searched", message });
    }
    for (const text of this.#texts.values()) if (text.warning !== undefined) warnings.push(text.warning);
    warnings.push(...this.#fileWarnings.slice(0, FILE_WARNINGS_MAX));
    const more = this.#fileWarnings.length - FILE_WARNINGS_MAX;
    if (more > 0) warnings.push({ code: "more_warnings", message: `and ${more} more warnings about templates` });
    return warnings;
  }

  #openFile(path: string, sizeBytes: number): void {
    const folder = path.slice(0, path.indexOf("/") + 1).toLowerCase();
    const scanBytes = Math.min(TEMPLATE_SCAN_MAX_BYTES, this.#scanLeftBytes, sizeBytes);
    const scan = folder === "templates/" ? new TemplateScan(scanBytes) : undefined;
    if (scan !== undefined) this.#scanLeftBytes -= scanBytes;
    const text = this.#textOf(path, sizeBytes);
    this.secrets.fileStart(path, sizeBytes);
    this.#open = { path, sizeBytes, hash: createHash("sha256"), text, scan, scanBytes };
  }

  #textOf(path: string, sizeBytes: number): TextFile | undefined {
    if (path === MANIFEST) return this.#manifestText(sizeBytes);
    if (MANIFEST_MISSPELLED.test(path)) this.#misspelled ??= path;
    if (path.endsWith(`/${MANIFEST}`)) this.#nested ??= path;
    const kept = path === VALUES || path.toLowerCase() === "readme.md";
    return kept ? new TextFile(path, sizeBytes, STORED_TEXT_MAX_BYTES) : undefined;
  }

  #manifestText(sizeBytes: number): TextFile | undefined {
    if (this.#manifestSeen) {
      const message = `the archive has more than one ${MANIFEST}: pack it once`;
      this.fault({ path: MANIFEST, code: "manifest_duplicate", message });
      return undefined;
    }
    this.#manifestSeen = true;
    const maxBytes = this.#limits.manifestMaxBytes;
    if (sizeBytes <= maxBytes) return new TextFile(MANIFEST, sizeBytes, maxBytes);
    const message = `${MANIFEST} is larger than ${maxBytes} bytes: shorten it`;
    this.fault({ path: MANIFEST, code: "manifest_too_large", message });
    return undefined;
  }
}
