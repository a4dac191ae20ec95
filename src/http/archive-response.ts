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
}

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/;

/**
 * Tells whether a Range header asks for bytes the file has; several ranges or another unit are passed over, as
 * RFC 9110 §14.2 allows. `undefined` stands for "no range applies".
 */
function isSatisfiable(range: string | null, size: number): boolean | undefined {
  const match = SINGLE_RANGE.exec(range ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") return Number(last) > 0 && size > 0;
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return Number(first) < size;
}

/**
 * Answers an archive: 200, 304, or 206 through Bun, which applies Range to a whole file by itself and lets the kernel
 * send it. Throws `range_not_satisfiable`. `whole` tells whether all bytes are being sent to somebody.
 */
export function archiveResponse(request: Request, archive: ArchiveFile): { response: Response; whole: boolean } {
  const { digest, size, file, fileName, immutable } = archive;
  const entityTag = `"${digest}"`;
  const headers = {
    etag: entityTag,
    "cache-control": immutable ? "public, max-age=31536000, immutable" : "no-cache",
    "repr-digest": `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`,
    "x-checksum-sha256": digest,
  };
  if (matchesEntityTag(request, entityTag)) {
    return { response: new Response(null, { status: 304, headers }), whole: false };
  }
  const ifRange = request.headers.get("if-range");
  const range = ifRange === null || ifRange === entityTag ? request.headers.get("range") : null;
  const satisfiable = request.method === "GET" ? isSatisfiable(range, size) : undefined;
  if (satisfiable === false) throw failure({ code: "range_not_satisfiable", size });
  const response = new Response(file, {
    headers: {
      ...headers,
      "content-type": "application/gzip",
      "content-disposition": `attachment; filename="${fileName}"`,
    },
  });
  // Bun adds Accept-Ranges itself where it answers a range; a second one would be a list.
  if (satisfiable === undefined) response.headers.set("accept-ranges", "bytes");
  return { response, whole: request.method === "GET" && satisfiable === undefined };
}
