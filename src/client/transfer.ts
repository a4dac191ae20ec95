import { rm } from "node:fs/promises";
import { OutsideFault, type OutsideHead } from "../runtime/outside-request.ts";
import type { ApiClient, StreamedRequest } from "./api-client.ts";
import { clientFault } from "./client-fault.ts";
import { diskFault } from "./disk-fault.ts";
import { PartialFile } from "./partial-file.ts";
import { claimPartial } from "./partials.ts";

const WHOLE = 200;
const PART = 206;
const NO_SUCH_RANGE = 416;

/** The archive that a registry promised. */
export interface PromisedArchive {
  /** The path of the download in the API. */
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly size: number;
}

/** Told of the bytes that are there, after each piece. */
export type TransferReport = (receivedBytes: number) => void;

/** Reads an archive. The bytes end only once their digest was right. */
export type ArchiveReader<T> = (chunks: () => AsyncIterable<Uint8Array>) => Promise<T>;

/** Where an archive is received, and who is told of it. */
export interface TransferOptions<T> {
  readonly directory: string;
  readonly now: Date;
  readonly report: TransferReport;
  /**
   * Reads the archive while it is received. Called again if the archive had to be received anew;
   * only the last result counts.
   */
  readonly read: ArchiveReader<T>;
}

/** An archive that was received, and what its reader made of it. */
export interface ReceivedArchive<T> {
  readonly path: string;
  readonly result: T;
}

/**
 * Downloads an archive to a file of this process in `directory`, and reads it meanwhile. A download
 * that was interrupted, by a lost connection or with the process, goes on where it ended. Throws
 * `ClientFault`, also if the bytes are other ones, and what the reader throws; then no file is left
 * unless it can be continued.
 */
export async function downloadArchive<T>(
  client: ApiClient,
  archive: PromisedArchive,
  { directory, now, report, read }: TransferOptions<T>,
): Promise<ReceivedArchive<T>> {
  const path = await claimPartial(directory, archive.sha256, now);
  const partial = await PartialFile.open(path);
  try {
    // Twice: a damaged part from an earlier run, or a bit that flipped on the way.
    for (const _ of [1, 2]) {
      const reading = beginReading(partial, read);
      if (await completes(client, archive, partial, report)) {
        partial.finish();
        return { path, result: await reading() };
      }
      partial.clear();
    }
  } catch (cause) {
    if (partial.isFinished) partial.clear();
    throw diskFault(cause);
  } finally {
    partial.close();
    if (partial.isEmpty) await rm(path, { force: true });
  }
  const detail = `The registry twice sent other bytes than sha256 ${archive.sha256}, which it names for this version. Nothing was saved.
Try another network. If that does not help, tell the registry's operator.`;
  throw clientFault("failed", "client_digest_mismatch", detail);
}

/**
 * Begins to read a file that grows. Returns a function that returns the result, of another reading
 * if the file was begun anew since.
 */
function beginReading<T>(partial: PartialFile, read: ArchiveReader<T>): () => Promise<T> {
  const { clearings } = partial;
  const reading = read(() => partial.follow());
  // Whoever asks for the result gets the failure. Nobody asks when the transfer fails first.
  reading.catch(() => undefined);
  return () => (partial.clearings === clearings ? reading : read(() => partial.follow()));
}

async function completes(
  client: ApiClient,
  { path, sha256, size }: PromisedArchive,
  partial: PartialFile,
  report: TransferReport,
): Promise<boolean> {
  if (partial.length > size) partial.clear();
  if (partial.length < size) await client.stream(path, () => requestFor(partial, sha256, size, report));
  return partial.digest() === sha256;
}

/** Asks for what is missing. The entity tag of an archive is its digest. */
function requestFor(partial: PartialFile, sha256: string, size: number, report: TransferReport): StreamedRequest {
  const from = partial.length;
  return {
    headers: from === 0 ? {} : { range: `bytes=${from}-`, "if-range": `"${sha256}"` },
    bytes: size,
    receiver: (head) => {
      if (head.status === NO_SUCH_RANGE) partial.clear();
      if (head.status !== WHOLE && head.status !== PART) return undefined;
      requireArchive(head);
      if (head.status === WHOLE) partial.clear();
      else requireRange(head, from, size);
      return (piece) => {
        if (partial.length + piece.length > size) throw tooLong(partial, size);
        partial.append(piece);
        report(partial.length);
      };
    },
    complete: () => {
      if (partial.length < size)
        throw new OutsideFault(`there was no whole answer: ${partial.length} of ${size} bytes`);
    },
  };
}

/** A proxy answers with its own page, and a success. */
function requireArchive({ headers }: OutsideHead): void {
  if (!/^text\/html\b/i.test(headers.get("content-type") ?? "")) return;
  const detail = "An HTML page came in place of the archive. Is a proxy between, which wants a login?";
  throw clientFault("unavailable", "client_not_a_registry", detail);
}

function requireRange({ headers }: OutsideHead, from: number, size: number): void {
  if (headers.get("content-range") === `bytes ${from}-${size - 1}/${size}`) return;
  throw new OutsideFault(`there was no whole answer: it sent another range than bytes ${from}-`);
}

function tooLong(partial: PartialFile, size: number) {
  partial.clear();
  return clientFault("failed", "client_too_long", `The registry sends more than the ${size} bytes that it promised.`);
}
