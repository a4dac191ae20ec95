import { failure } from "../errors.ts";
import { matchesEntityTag } from "./document.ts";

/** What a download answer is made of. */
export interface ArchiveFile {
  readonly fileName: string;
  /** Lower-case hex SHA-256 of the whole archive. */
  readonly digest: string;
  readonly size: number;
  readonly file: Blob;
  /** True where the address names these bytes for ever; `latest` does not. */
  readonly immutable: boolean;
  /** False where only accounts may read: then no cache between may keep it. */
  readonly shared: boolean;
}

/**
 * One range of bytes. Bun applies a Range header by itself to a 200 with a file, and takes blanks between its parts:
 * whatever Bun takes must match here, or it would answer a part where this file means the whole.
 */
const SINGLE_RANGE = /^bytes[ \t]*=[ \t]*(\d*)[ \t]*-[ \t]*(\d*)[ \t]*$/i;

interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Reads a Range header. Several ranges, another unit or nonsense are passed over, as RFC 9110 §14.2 allows: undefined.
 * Throws `range_not_satisfiable` for a range without a byte of the file in it.
 */
function readRange(range: string | null, size: number): ByteRange | undefined {
  const [, first = "", last = ""] = SINGLE_RANGE.exec(range ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  if (start >= size) throw failure({ code: "range_not_satisfiable", size });
  return { first: start, last: first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

/**
 * Answers an archive: 200, 206 or 304. The kernel sends the file in either case. Throws `range_not_satisfiable`.
 * `whole` tells whether all bytes are being sent to somebody.
 */
export function archiveResponse(request: Request, archive: ArchiveFile): { response: Response; whole: boolean } {
  const { digest, size, file, fileName, immutable, shared } = archive;
  const entityTag = `"${digest}"`;
  const common = {
    etag: entityTag,
    "cache-control": immutable ? `${shared ? "public" : "private"}, max-age=31536000, immutable` : "no-cache",
    "repr-digest": `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`,
    "x-checksum-sha256": digest,
  };
  if (matchesEntityTag(request, entityTag)) {
    return { response: new Response(null, { status: 304, headers: common }), whole: false };
  }
  const headers = {
    ...common,
    "accept-ranges": "bytes",
    "content-type": "application/gzip",
    "content-disposition": `attachment; filename="${fileName}"`,
  };
  const ifRange = request.headers.get("if-range");
  const applies = request.method === "GET" && (ifRange === null || ifRange === entityTag);
  const range = applies ? readRange(request.headers.get("range"), size) : undefined;
  if (range === undefined) return { response: new Response(file, { headers }), whole: request.method === "GET" };
  const part = file.slice(range.first, range.last + 1);
  const contentRange = `bytes ${range.first}-${range.last}/${size}`;
  const response = new Response(part, { status: 206, headers: { ...headers, "content-range": contentRange } });
  return { response, whole: false };
}
