import { ARCHIVE_FAULTS_MAX, type ArchiveLimits } from "../domain/limits.ts";
import { failure } from "../errors.ts";
import { type ArchiveFault, printable, UnreadableArchive } from "./archive-fault.ts";
import { type ArchiveFile, ArchiveRecord } from "./archive-record.ts";
import type { ArchiveWarning } from "./archive-warning.ts";
import { gunzipSingleMember } from "./gzip.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { FoundSecret } from "./secret-scan.ts";
import { TarWalker } from "./tar.ts";

export type { ArchiveFile } from "./archive-record.ts";
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
  /** All files, without directories, sorted by normalised path in code unit order. */
  readonly files: readonly ArchiveFile[];
  readonly warnings: readonly ArchiveWarning[];
  /** Possible secrets, in the order of the archive. They are no reason to reject here. */
  readonly secrets: readonly FoundSecret[];
  /** The number of secrets that are not listed. */
  readonly secretsLeftOut: number;
}

/**
 * Reads a package archive once, in bounded memory, and decides whether the registry may serve it.
 * The client unpacks without checks, so only archives are accepted that every reader unpacks to the
 * same files inside one folder.
 *
 * Throws `archive_rejected` with all problems that one reading can find (at most
 * `ARCHIVE_FAULTS_MAX`, then a count). Errors of the source are thrown unchanged.
 */
export async function inspectArchive(chunks: AsyncIterable<Uint8Array>, limits: ArchiveLimits): Promise<Inspection> {
  const record = new ArchiveRecord(limits);
  const walked = await walk(chunks, record, limits);
  const reading = record.manifestBytes === undefined ? undefined : readManifest(record.manifestBytes);
  const faults = [
    ...record.faults,
    ...(reading?.faults ?? []).map(inManifest),
    // Only a complete reading shows that something is missing.
    ...(walked ? record.missing() : []),
  ];
  const manifest = reading?.manifest;
  if (faults.length > 0 || record.faultsLeftOut > 0 || reading === undefined || manifest === undefined) {
    throw failure({ code: "archive_rejected", faults: atMost(faults, record.faultsLeftOut) });
  }
  return {
    manifest,
    manifestText: reading.text,
    readme: record.readme,
    values: record.values,
    files: record.sortedFiles(),
    warnings: record.warnings(),
    secrets: record.secrets.found,
    secretsLeftOut: record.secrets.leftOut,
  };
}

/** Returns false if the walk had to stop. The reason is then among the faults of the record. */
async function walk(chunks: AsyncIterable<Uint8Array>, record: ArchiveRecord, limits: ArchiveLimits): Promise<boolean> {
  try {
    const tar = new TarWalker(record);
    const compressed = withinLimit(chunks, limits.compressedMaxBytes);
    for await (const piece of gunzipSingleMember(compressed, limits.unpackedMaxBytes)) tar.push(piece);
    tar.end();
    return true;
  } catch (error) {
    if (!(error instanceof UnreadableArchive)) throw error;
    record.fault(error.fault);
    return false;
  }
}

async function* withinLimit(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let receivedBytes = 0;
  for await (const chunk of chunks) {
    receivedBytes += chunk.length;
    if (receivedBytes > maxBytes) {
      const message = `the archive is larger than ${maxBytes} bytes: remove files from the package`;
      throw new UnreadableArchive("archive_too_large", message);
    }
    yield chunk;
  }
}

/**
 * Writes the place as a URI fragment (RFC 6901 §6), so that it differs from the name of an entry.
 */
function inManifest(fault: ArchiveFault): ArchiveFault {
  if (fault.path === "") return { ...fault, path: "colony.yaml", message: `colony.yaml ${fault.message}` };
  const pointer = printable(fault.path);
  return { ...fault, path: `colony.yaml#${pointer}`, message: `${pointer.slice(1)} ${fault.message}` };
}

function atMost(faults: readonly ArchiveFault[], leftOut: number): ArchiveFault[] {
  const shown = faults.slice(0, ARCHIVE_FAULTS_MAX);
  const more = faults.length - shown.length + leftOut;
  const message = `and ${more} more problems: fix these and try again`;
  return more === 0 ? shown : [...shown, { path: "", code: "more_faults", message }];
}
