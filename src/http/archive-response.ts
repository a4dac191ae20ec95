import type { ByteRange } from "../blobs/store.ts";
import { failure } from "../errors.ts";
import { matchesEntityTag } from "./entity-tag.ts";
import { contextOf } from "./request-context.ts";

/** The media type of every archive: a gzip member with a tar inside. */
export const ARCHIVE_MEDIA_TYPE = "application/gzip";

/** Describes the archive of a download. */
export interface ServedArchive {
  readonly fileName: string;
  /** Lower-case hex SHA-256 of the whole archive. */
  readonly digest: string;
  readonly size: number;
  /** True if the address names these bytes for ever. `latest` does not. */
  readonly immutable: boolean;
  /** False if only accounts may read. Then no shared cache may store the response. */
  readonly shared: boolean;
}

/**
 * Matches a single byte range. Bun applies a Range header by itself to a 200 with a file, and
 * allows blanks between the parts. Every form that Bun accepts must match here, or Bun would send a
 * part where this file intends the whole.
 */
const SINGLE_RANGE = /^bytes[ \t]*=[ \t]*(\d*)[ \t]*-[ \t]*(\d*)[ \t]*$/i;

/** Supplies the bytes. Each function is called only if the response needs it. */
export interface ArchiveSource {
  /** Throws if the archive is not stored. */
  check(): Promise<void>;
  /** Returns the whole archive, or a range of it. */
  read(range?: ByteRange): Promise<Blob | Uint8Array<ArrayBuffer>>;
  /** Returns an address to redirect to. Undefined if this server sends the bytes. */
  link(): string | undefined;
}

/**
 * Parses a Range header. Returns undefined for several ranges, another unit or an invalid header,
 * which a server may ignore (RFC 9110 §14.2). Throws `range_not_satisfiable` if the range has no
 * byte of the file.
 */
function readRange(range: string | null, size: number): ByteRange | undefined {
  const [, first = "", last = ""] = SINGLE_RANGE.exec(range ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  if (start >= size) throw failure({ code: "range_not_satisfiable", size });
  return { first: start, last: first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

/** Makes the headers that every response about the archive has. */
function describe({ digest, immutable, shared }: ServedArchive): Record<string, string> {
  return {
    etag: `"${digest}"`,
    "cache-control": immutable ? `${shared ? "public" : "private"}, max-age=31536000, immutable` : "no-cache",
    "repr-digest": `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`,
    "x-checksum-sha256": digest,
  };
}

/**
 * Redirects to a storage address. Anybody who knows that address can use it for minutes, so no
 * cache may store it.
 */
function redirect(location: string, { digest }: ServedArchive): Response {
  const headers = { location, "cache-control": "no-store", "x-checksum-sha256": digest };
  return new Response(null, { status: 302, headers });
}

/** A response, and the whole archive if that is its body. */
interface ArchiveAnswer {
  readonly response: Response;
  readonly body?: Blob | Uint8Array<ArrayBuffer>;
  /** How many bytes of the archive the response has. */
  readonly bytes: number;
  /**
   * True if this response begins the archive, which counts as a download. The later parts of a
   * download in parts do not count again.
   */
  readonly counts: boolean;
}

/**
 * Responds with an archive: 200, 206, 302 or 304. If the source is a file, the kernel sends its
 * bytes. Throws `range_not_satisfiable`, and what the source throws.
 */
export async function archiveResponse(
  request: Request,
  archive: ServedArchive,
  source: ArchiveSource,
): Promise<ArchiveAnswer> {
  const { size, fileName } = archive;
  const common = describe(archive);
  if (matchesEntityTag(request.headers.get("if-none-match"), common.etag ?? "")) {
    return { response: new Response(null, { status: 304, headers: common }), bytes: 0, counts: false };
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
    return { response: new Response(null, { headers }), bytes: 0, counts: false };
  }
  const ifRange = request.headers.get("if-range");
  const applies = ifRange === null || ifRange === common.etag;
  const range = applies ? readRange(request.headers.get("range"), size) : undefined;
  const beginsArchive = range === undefined || range.first === 0;
  const location = source.link();
  if (location !== undefined) return { response: redirect(location, archive), bytes: 0, counts: beginsArchive };
  const body = await source.read(range);
  if (range === undefined) return { response: new Response(body, { headers }), body, bytes: size, counts: true };
  const contentRange = `bytes ${range.first}-${range.last}/${size}`;
  return {
    response: new Response(body, { status: 206, headers: { ...headers, "content-range": contentRange } }),
    bytes: range.last - range.first + 1,
    counts: beginsArchive,
  };
}
