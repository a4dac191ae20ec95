import { ARCHIVE_FAULTS_MAX, type ArchiveLimits } from "../domain/limits.ts";
import { failure } from "../errors.ts";
import { ArchiveContents, type ArchiveFile } from "./archive-contents.ts";
import { type ArchiveFault, printable, UnreadableArchive } from "./archive-fault.ts";
import { ArchiveStructure } from "./archive-structure.ts";
import type { ArchiveWarning } from "./archive-warning.ts";
import { invisibleWarnings } from "./invisible-characters.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { FoundSecret } from "./secret-scan.ts";
import type { TarVisitor } from "./tar.ts";
import { type SmallTar, walkArchive, walkTar } from "./walk.ts";

export type { ArchiveFile } from "./archive-contents.ts";
export type { ArchiveWarning } from "./archive-warning.ts";

/** The contents of an archive that was accepted. */
export interface Inspection {
  readonly manifest: Manifest;
  readonly manifestText: string;
  /**
   * The `README.md` at the root (in any capitals); undefined if there is none that can be stored as
   * text.
   */
  readonly readme: string | undefined;
  /** The `values.yaml` at the root; undefined if there is none that can be stored as text. */
  readonly values: string | undefined;
  /** All files, without directories, sorted by path in code unit order. */
  readonly files: readonly ArchiveFile[];
  readonly warnings: readonly ArchiveWarning[];
  /** Possible secrets, in the order of the archive. Publishing decides whether to refuse them. */
  readonly secrets: readonly FoundSecret[];
  /** The number of secrets that are not listed. */
  readonly secretsLeftOut: number;
}

/** An archive that all readers unpack to the same files, and its manifest. */
export interface Structure {
  readonly manifest: Manifest;
  readonly manifestText: string;
  /** The warnings about the manifest. */
  readonly warnings: readonly ArchiveWarning[];
  /** The tar of a small archive, so that it need not be inflated again. */
  readonly tar: SmallTar;
}

type ReadManifest = Omit<Structure, "tar">;

/**
 * Reads a package archive once, in bounded memory, and decides whether the registry may serve it.
 * The client unpacks without checks, so the archive is accepted only if every reader unpacks it to
 * the same files, inside one folder.
 *
 * It reads the content of the manifest only, so the signature can be checked before
 * `inspectContents` searches the files. Throws `archive_rejected` with all problems that one
 * reading can find (at most `ARCHIVE_FAULTS_MAX`, then a count). Errors of the source are thrown
 * unchanged.
 */
export async function readStructure(chunks: AsyncIterable<Uint8Array>, limits: ArchiveLimits): Promise<Structure> {
  const structure = new ArchiveStructure(limits);
  const { isComplete, tar } = await walk(chunks, limits, structure, structure);
  return { ...manifestOf(structure, isComplete), tar };
}

/**
 * Reads the contents of an archive whose structure was accepted and whose signature was checked.
 * `chunks` is not called if the archive is small.
 */
export async function inspectContents(
  { tar, ...read }: Structure,
  chunks: () => AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
): Promise<Inspection> {
  const contents = new ArchiveContents();
  if (tar === undefined) await walkArchive(chunks(), limits, contents);
  else await walkTar(tar, contents);
  return inspectionOf(read, contents);
}

/**
 * Reads structure and contents at once, for archives that do not come with a request. Throws as
 * `readStructure` does.
 */
export async function inspectArchive(chunks: AsyncIterable<Uint8Array>, limits: ArchiveLimits): Promise<Inspection> {
  const structure = new ArchiveStructure(limits);
  const contents = new ArchiveContents();
  const { isComplete } = await walk(chunks, limits, structure, both(structure, contents));
  return inspectionOf(manifestOf(structure, isComplete), contents);
}

/** Combines two visitors into one. Only the first collects problems. */
function both(first: TarVisitor, second: TarVisitor): TarVisitor {
  return {
    entry(entry) {
      first.entry(entry);
      second.entry(entry);
    },
    content(piece) {
      first.content(piece);
      second.content(piece);
    },
    entryEnd() {
      first.entryEnd();
      second.entryEnd();
    },
    problem(problem) {
      first.problem(problem);
    },
  };
}

function inspectionOf(read: ReadManifest, contents: ArchiveContents): Inspection {
  const { readme, values } = contents;
  const invisible = invisibleWarnings({
    "colony.yaml": read.manifestText + JSON.stringify(read.manifest),
    "README.md": readme,
    "values.yaml": values,
  });
  return {
    ...read,
    readme,
    values,
    files: contents.sortedFiles(),
    warnings: [...contents.warnings(), ...read.warnings, ...invisible],
    secrets: contents.secrets.found,
    secretsLeftOut: contents.secrets.leftOut,
  };
}

/** Returns the manifest. Throws `archive_rejected` if there is any fault. */
function manifestOf(structure: ArchiveStructure, isComplete: boolean): ReadManifest {
  const reading = structure.manifestBytes === undefined ? undefined : readManifest(structure.manifestBytes);
  const faults = [
    ...structure.faults.faults(),
    ...(reading?.faults ?? []).map(asManifestFault),
    // If the walk stopped early, the rest of the archive may still hold what seems missing.
    ...(isComplete ? structure.missing() : []),
  ];
  const manifest = reading?.manifest;
  if (faults.length > 0 || structure.faults.leftOut > 0 || reading === undefined || manifest === undefined) {
    throw failure({ code: "archive_rejected", faults: limitFaults(faults, structure.faults.leftOut) });
  }
  return { manifest, manifestText: reading.text, warnings: reading.warnings };
}

/**
 * A walk that had to stop is not complete. The reason is then among the faults of the structure.
 */
async function walk(
  chunks: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
  structure: ArchiveStructure,
  visitor: TarVisitor,
): Promise<{ readonly isComplete: boolean; readonly tar: SmallTar }> {
  try {
    return { isComplete: true, tar: await walkArchive(chunks, limits, visitor) };
  } catch (error) {
    if (!(error instanceof UnreadableArchive)) throw error;
    structure.faults.add(error.fault);
    return { isComplete: false, tar: undefined };
  }
}

/**
 * Prefixes `colony.yaml#` to the JSON pointer (RFC 6901 §6), so that it cannot be taken for the
 * name of an entry.
 */
function asManifestFault(fault: ArchiveFault): ArchiveFault {
  if (fault.path === "") return { ...fault, path: "colony.yaml", message: `colony.yaml ${fault.message}` };
  const pointer = printable(fault.path);
  return { ...fault, path: `colony.yaml#${pointer}`, message: `${pointer.slice(1)} ${fault.message}` };
}

function limitFaults(faults: readonly ArchiveFault[], leftOut: number): ArchiveFault[] {
  const shown = faults.slice(0, ARCHIVE_FAULTS_MAX);
  const more = faults.length - shown.length + leftOut;
  const message = `and ${more} more problems: fix these and try again`;
  return more === 0 ? shown : [...shown, { path: "", code: "more_faults", message }];
}
