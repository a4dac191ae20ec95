import { createHash, type Hash } from "node:crypto";
import { STORED_TEXT_MAX_BYTES, TEMPLATE_SCAN_MAX_BYTES, TEMPLATE_SCANS_MAX_BYTES } from "../domain/limits.ts";
import { printable } from "./archive-fault.ts";
import type { ArchiveWarning } from "./archive-warning.ts";
import { contentWarnings } from "./content-warnings.ts";
import { readEntryName } from "./entry-name.ts";
import { SecretScan } from "./secret-scan.ts";
import type { TarEntry, TarVisitor } from "./tar.ts";
import { TemplateScan } from "./template-scan.ts";
import { TextFile } from "./text-file.ts";

/** A file of an accepted archive. */
export interface ArchiveFile {
  /**
   * As readers create it: without `./` before it, and with `\` in it if the archive was packed on
   * Windows.
   */
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

const README = "readme.md";
const VALUES = "values.yaml";
/**
 * The most warnings about single files. More are only counted, so that the stored warnings of a
 * version stay small.
 */
const FILE_WARNINGS_MAX = 50;

/**
 * Collects the contents of an archive: files with their digests, the texts to store, warnings and
 * secrets. Its memory depends on the number of entries and the size of these texts, never on the
 * size of the archive.
 *
 * It searches every byte several times, so it must not see a client's archive before the signature
 * was checked.
 */
export class ArchiveContents implements TarVisitor {
  readonly secrets = new SecretScan();
  readonly #files: ArchiveFile[] = [];
  /** With `/` between segments. */
  readonly #paths: string[] = [];
  readonly #fileWarnings: ArchiveWarning[] = [];
  readonly #texts = new Map<string, TextFile>();
  #backslashes = false;
  #scanLeftBytes = TEMPLATE_SCANS_MAX_BYTES;
  #open: OpenFile | undefined;

  /** The text of the README, if the archive has one that can be stored. */
  get readme(): string | undefined {
    return this.#texts.get(README)?.text;
  }

  /** The text of `values.yaml`, if the archive has one that can be stored. */
  get values(): string | undefined {
    return this.#texts.get(VALUES)?.text;
  }

  entry(entry: TarEntry): void {
    const { path, created } = readEntryName(entry.name, entry.kind);
    this.#backslashes ||= path !== created;
    if (entry.kind !== "file") return;
    this.#paths.push(path);
    this.#openFile(path, created, entry.sizeBytes);
  }

  content(piece: Uint8Array): void {
    if (this.#open === undefined) return;
    this.#open.hash.update(piece);
    this.#open.text?.push(piece);
    this.#open.scan?.push(piece);
    this.secrets.push(piece);
  }

  /** Does nothing: problems are collected by `ArchiveStructure`. */
  problem(): void {}

  entryEnd(): void {
    const file = this.#open;
    if (file === undefined) return;
    this.#open = undefined;
    this.secrets.fileEnd();
    this.#files.push({ path: file.path, size: file.sizeBytes, sha256: file.hash.digest("hex") });
    if (file.text !== undefined) this.#texts.set(file.path.toLowerCase(), file.text);
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

  /** Returns the files by path, in code unit order. */
  sortedFiles(): ArchiveFile[] {
    return this.#files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Returns the warnings about the whole archive, then about its files. */
  warnings(): ArchiveWarning[] {
    const warnings = contentWarnings({
      paths: this.#paths,
      isPackedOnWindows: this.#backslashes,
      hasReadme: this.#texts.has(README),
      values: this.#texts.get(VALUES)?.bytes,
    });
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

  #openFile(path: string, created: string, sizeBytes: number): void {
    const folder = path.slice(0, path.indexOf("/") + 1).toLowerCase();
    const scanBytes = Math.min(TEMPLATE_SCAN_MAX_BYTES, this.#scanLeftBytes, sizeBytes);
    const scan = folder === "templates/" ? new TemplateScan(scanBytes) : undefined;
    if (scan !== undefined) this.#scanLeftBytes -= scanBytes;
    const isText = created === VALUES || created.toLowerCase() === README;
    const text = isText ? new TextFile(created, sizeBytes, STORED_TEXT_MAX_BYTES) : undefined;
    this.secrets.fileStart(created, sizeBytes);
    this.#open = { path: created, sizeBytes, hash: createHash("sha256"), text, scan, scanBytes };
  }
}
