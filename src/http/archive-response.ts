import type { ByteRange } from "../blobs/store.ts";
import { failure } from "../errors.ts";
import { matchesEntityTag } from "./entity-tag.ts";
import { contextOf } from "./request-context.ts";

export const ARCHIVE_MEDIA_TYPE = "application/gzip";

/** What a download answer is made of. */
export interface ServedArchive {
  readonly fileName: string;
  /** Lower-case hex SHA-256 of the whole archive. */
  readonly digest: string;
  readonly size: number;
  /** True where the address names these bytes for ever; `latest` does not. */
  readonly immutable: boolean;
  /** False where only accounts may read: then no cache between may keep it. */
  readonly shared: boolean;
}

/**
 * One range of bytes. Bun applies a Range header by itself to a 200 with a file, and takes blanks
 * between its parts: whatever Bun takes must match here, or it would answer a part where this file
 * means the whole.
 */
const SINGLE_RANGE = /^bytes[ \t]*=[ \t]*(\d*)[ \t]*-[ \t]*(\d*)[ \t]*$/i;

/** Where the bytes come from, each asked for only when the answer needs it. */
export interface ArchiveSource {
  /** Throws unless the archive is there. */
  check(): Promise<void>;
  /** The whole archive, or a range of it. */
  read(range?: ByteRange): Promise<Blob | Uint8Array<ArrayBuffer>>;
  /** An address that answers in place of this one; undefined where the bytes are answered here. */
  link(): string | undefined;
}

/**
 * Reads a Range header. Several ranges, another unit or nonsense are passed over, as RFC 9110 §14.2
 * allows: undefined. Throws `range_not_satisfiable` for a range without a byte of the file in it.
 */
function readRange(range: string | null, size: number): ByteRange | undefined {
  const [, first = "", last = ""] = SINGLE_RANGE.exec(range ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  if (start >= size) throw failure({ code: "range_not_satisfiable", size });
  return { first: start, last: first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

/** What every answer tells of the archive. */
function describe({ digest, immutable, shared }: ServedArchive): Record<string, string> {
  return {
    etag: `"${digest}"`,
    "cache-control": immutable ? `${shared ? "public" : "private"}, max-age=31536000, immutable` : "no-cache",
    "repr-digest": `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`,
    "x-checksum-sha256": digest,
  };
}

/** The address is good for minutes and for whoever knows it, so no cache may keep it. */
function redirect(location: string, { digest }: ServedArchive): Response {
  const headers = { location, "cache-control": "no-store", "x-checksum-sha256": digest };
  return new Response(null, { status: 302, headers });
}

/** An answer, and the whole archive where that is its body. */
interface ArchiveAnswer {
  readonly response: Response;
  readonly body?: Blob | Uint8Array<ArrayBuffer>;
  /** Somebody is getting the whole of it. */
  readonly counts: boolean;
}

/**
 * Answers an archive: 200, 206, 302 or 304. Of a file the kernel sends the bytes. Throws
 * `range_not_satisfiable`, and what the source throws.
 */
export async function archiveResponse(
  request: Request,
  archive: ServedArchive,
  source: ArchiveSource,
): Promise<ArchiveAnswer> {
  const { size, fileName } = archive;
  const common = describe(archive);
  if (matchesEntityTag(request.headers.get("if-none-match"), common.etag ?? "")) {
    return { response: new Response(null, { status: 304, headers: common }), counts: false };
  }
  const headers = {
    ...common,
    "accept-ranges": "bytes",
    "content-type": ARCHIVE_MEDIA_TYPE,
    "content-disposition": `attachment; filename="${fileName}"`,
  };
  if (request.method === "HEAD") {
    await source.check();
    contextOf(request).contentLength = size;
    return { response: new Response(null, { headers }), counts: false };
  }
  const ifRange = request.headers.get("if-range");
  const applies = ifRange === null || ifRange === common.etag;
  const range = applies ? readRange(request.headers.get("range"), size) : undefined;
  const location = source.link();
  if (location !== undefined) return { response: redirect(location, archive), counts: range === undefined };
  const body = await source.read(range);
  if (range === undefined) return { response: new Response(body, { headers }), body, counts: true };
  const contentRange = `bytes ${range.first}-${range.last}/${size}`;
  return {
    response: new Response(body, { status: 206, headers: { ...headers, "content-range": contentRange } }),
    counts: false,
  };
}
