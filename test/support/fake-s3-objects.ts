/**
 * The one bucket of the fake S3: five operations as AWS documents them, without signatures and
 * faults.
 */
import { createHash } from "node:crypto";
import type { Answer } from "./raw-http.ts";
import { awsEncode } from "./sigv4.ts";

export type Operation = "GET" | "HEAD" | "PUT" | "DELETE" | "LIST";

export interface StoredObject {
  bytes: Uint8Array;
  /** With its quotes. It belongs to the bytes that were sent, whatever was stored. */
  etag: string;
  contentType: string;
  lastModified: Date;
}

export interface Bucket {
  readonly bucket: string;
  readonly objects: Map<string, StoredObject>;
  readonly storeTime: Date | undefined;
}

export interface Action {
  /** Every other operation of a client is sent here too. */
  readonly operation: Operation;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export const NOTHING = new Uint8Array();

const PAGE_MAX = 1_000;
/** Query parameters that turn a request into another operation. */
const FOREIGN = ["uploads", "uploadId", "acl", "tagging", "versionId", "delimiter"];

const escapeXml = (text: string) => text.replace(/[<>&"\p{Cc}]/gu, (sign) => `&#${sign.charCodeAt(0)};`);

function xml(status: number, content: string): Answer {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${content}`);
  return { status, headers: { "Content-Type": "application/xml" }, body };
}

/** An error answer as S3 sends it. */
export function failure(status: number, code: string, message: string): Answer {
  const region = /expecting '([a-z0-9-]+)\//.exec(message)?.[1];
  const named = region === undefined ? "" : `<Region>${region}</Region>`;
  return xml(status, `<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message>${named}</Error>`);
}

/** Does what an accepted request asks for. `damage` changes an object's bytes on the way. */
export function act(bucket: Bucket, action: Action, damage: (bytes: Uint8Array) => Uint8Array): Answer {
  const { operation, key, query, headers, body } = action;
  const isForeign = FOREIGN.some((name) => query.has(name)) || "x-amz-copy-source" in headers;
  if (operation === "LIST" && !isForeign) return list(bucket, query);
  if (!["PUT", "GET", "HEAD", "DELETE"].includes(operation) || key === "" || isForeign) {
    return failure(501, "NotImplemented", "The fake S3 does not know this operation.");
  }
  if (operation === "PUT") return put(bucket, key, headers["content-type"], body, damage);
  if (operation === "DELETE") {
    bucket.objects.delete(key);
    return { status: 204, headers: {}, body: NOTHING };
  }
  const object = bucket.objects.get(key);
  if (!object) return failure(404, "NoSuchKey", "The specified key does not exist.");
  return get({ ...object, bytes: damage(object.bytes) }, query, headers.range);
}

function put(
  { objects, storeTime }: Bucket,
  key: string,
  contentType: string | undefined,
  body: Uint8Array,
  damage: (bytes: Uint8Array) => Uint8Array,
): Answer {
  const etag = `"${createHash("md5").update(body).digest("hex")}"`;
  objects.set(key, {
    bytes: damage(body),
    etag,
    contentType: contentType ?? "binary/octet-stream",
    lastModified: storeTime ?? new Date(),
  });
  return { status: 200, headers: { ETag: etag }, body: NOTHING };
}

function get(object: StoredObject, query: ReadonlyMap<string, string>, range: string | undefined): Answer {
  const { bytes, etag, contentType, lastModified } = object;
  const disposition = query.get("response-content-disposition");
  const headers = {
    "Content-Type": query.get("response-content-type") ?? contentType,
    ...(disposition === undefined ? {} : { "Content-Disposition": disposition }),
    "Accept-Ranges": "bytes",
    ETag: etag,
    "Last-Modified": lastModified.toUTCString(),
  };
  const part = rangeOf(range, bytes.length);
  if (part === undefined) return { status: 200, headers, body: bytes };
  if (part.first >= bytes.length || part.last < part.first) {
    const refused = failure(416, "InvalidRange", "The requested range is not satisfiable");
    return { ...refused, headers: { ...refused.headers, "Content-Range": `bytes */${bytes.length}` } };
  }
  const contentRange = `bytes ${part.first}-${part.last}/${bytes.length}`;
  const body = bytes.subarray(part.first, part.last + 1);
  return { status: 206, headers: { ...headers, "Content-Range": contentRange }, body };
}

/**
 * The bytes that a Range header with one range asks for. Undefined for any other header, which S3
 * ignores.
 */
function rangeOf(range: string | undefined, size: number): { first: number; last: number } | undefined {
  const [, first = "", last = ""] = range?.match(/^bytes=(\d*)-(\d*)$/) ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") return { first: Math.max(0, size - Number(last)), last: Number(last) === 0 ? -1 : size - 1 };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}

/** ListObjectsV2. A continuation token is the last key of the page before. */
function list({ bucket, objects }: Bucket, query: ReadonlyMap<string, string>): Answer {
  const maxKeys = Number(query.get("max-keys") ?? PAGE_MAX);
  if (query.get("list-type") !== "2") return failure(501, "NotImplemented", "The fake S3 only knows ListObjectsV2.");
  if (!Number.isInteger(maxKeys) || maxKeys < 0) return failure(400, "InvalidArgument", "max-keys is no count.");
  const prefix = query.get("prefix") ?? "";
  const token = query.get("continuation-token");
  const after = token === undefined ? (query.get("start-after") ?? "") : Buffer.from(token, "base64url").toString();
  const found = [...objects].filter(
    ([key]) => key.startsWith(prefix) && Buffer.compare(bytesOf(key), bytesOf(after)) > 0,
  );
  const page = found
    .sort(([one], [other]) => Buffer.compare(bytesOf(one), bytesOf(other)))
    .slice(0, Math.min(maxKeys, PAGE_MAX));
  const last = page.at(-1)?.[0];
  const isTruncated = last !== undefined && page.length < found.length;
  const inUrl = query.get("encoding-type") === "url";
  const name = (key: string) => (inUrl ? key.split("/").map(awsEncode).join("/") : escapeXml(key));
  const contents = page.map(
    ([key, { bytes, etag, lastModified }]) =>
      `<Contents><Key>${name(key)}</Key><LastModified>${lastModified.toISOString()}</LastModified>` +
      `<ETag>${escapeXml(etag)}</ETag><Size>${bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  );
  return xml(
    200,
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name>` +
      `<Prefix>${name(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${maxKeys}</MaxKeys>` +
      `<IsTruncated>${isTruncated}</IsTruncated>${inUrl ? "<EncodingType>url</EncodingType>" : ""}` +
      (isTruncated ? `<NextContinuationToken>${bytesOf(last).toString("base64url")}</NextContinuationToken>` : "") +
      `${contents.join("")}</ListBucketResult>`,
  );
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text);
}
