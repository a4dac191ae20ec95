import { createHash, type Hash } from "node:crypto";
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { OutsideFault, type OutsideHead } from "../runtime/outside-request.ts";
import type { ApiClient, StreamedRequest } from "./api-client.ts";
import { clientFault } from "./client-fault.ts";
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

/**
 * Downloads an archive to a file of this process in `directory`, and returns the path. A download
 * that was interrupted, by a lost connection or with the process, goes on where it ended. Throws
 * `ClientFault`, also if the bytes are other ones; then no file is left.
 */
export async function downloadArchive(
  client: ApiClient,
  archive: PromisedArchive,
  { directory, now }: { readonly directory: string; readonly now: Date },
  report: TransferReport,
): Promise<string> {
  const path = await claimPartial(directory, archive.sha256, now);
  const partial = await PartialFile.open(path);
  try {
    if (await completes(client, archive, partial, report)) return path;
    // A damaged part from an earlier run, or a bit that flipped on the way: all of it once more.
    partial.clear();
    if (await completes(client, archive, partial, report)) return path;
    partial.clear();
  } catch (cause) {
    throw diskFault(cause);
  } finally {
    partial.close();
    if (partial.isEmpty) await rm(path, { force: true });
  }
  const detail = `The registry twice sent other bytes than sha256 ${archive.sha256}, which it names for this version. Nothing was saved.
Try another network. If that does not help, tell the registry's operator.`;
  throw clientFault("failed", "client_digest_mismatch", detail);
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

/** A file that grows while it is received, with the hash of what is in it. */
class PartialFile {
  #hash: Hash = createHash("sha256");
  #length = 0;

  private constructor(readonly descriptor: number) {}

  static async open(path: string): Promise<PartialFile> {
    const partial = new PartialFile(openSync(path, "a+", 0o600));
    for await (const piece of Bun.file(path).stream()) partial.#count(piece);
    return partial;
  }

  get length(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** Appends a piece. A full disk leaves nothing: more of the file would not help anybody. */
  append(piece: Uint8Array): void {
    try {
      for (let at = 0; at < piece.length; ) at += writeSync(this.descriptor, piece, at);
    } catch (cause) {
      this.clear();
      throw diskFault(cause);
    }
    this.#count(piece);
  }

  clear(): void {
    ftruncateSync(this.descriptor, 0);
    this.#hash = createHash("sha256");
    this.#length = 0;
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  close(): void {
    closeSync(this.descriptor);
  }

  #count(piece: Uint8Array): void {
    this.#hash.update(piece);
    this.#length += piece.length;
  }
}

/** What the disk refuses is not the registry's fault. */
function diskFault(cause: unknown): unknown {
  if (!(cause instanceof Error) || !("code" in cause) || !("syscall" in cause)) return cause;
  if (cause.code !== "ENOSPC" && cause.code !== "EDQUOT" && cause.code !== "EFBIG") return cause;
  const detail = `The disk is full: ${cause.message}. Nothing was saved.\nFree some space, then run the command again.`;
  return clientFault("failed", "client_disk_full", detail);
}
