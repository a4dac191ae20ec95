import { expect, test } from "bun:test";
import { type Refusal, refusalOf, type SignedRequest } from "../support/sigv4.ts";

/*
 * Tests the checks of the fake S3 with the examples of AWS's documentation of Signature Version 4.
 */

const CREDENTIALS = {
  accessKey: "AKIAIOSFODNN7EXAMPLE",
  secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  region: "us-east-1",
};
const NOW = new Date("2013-05-24T00:00:00Z");
const CREDENTIAL = `${CREDENTIALS.accessKey}/20130524/us-east-1/s3/aws4_request`;
const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

function signed(
  request: Partial<SignedRequest>,
  payloadHash: string,
  headers: Record<string, string>,
  signature: string,
): SignedRequest {
  const all: Record<string, string> = {
    host: "examplebucket.s3.amazonaws.com",
    "x-amz-content-sha256": payloadHash,
    "x-amz-date": "20130524T000000Z",
    ...headers,
  };
  const names = Object.keys(all).sort().join(";");
  const authorization = `AWS4-HMAC-SHA256 Credential=${CREDENTIAL},SignedHeaders=${names},Signature=${signature}`;
  return {
    method: "GET",
    rawPath: "/",
    rawQuery: "",
    body: new Uint8Array(),
    ...request,
    headers: { ...all, authorization },
  };
}

const getObject = signed(
  { rawPath: "/test.txt" },
  EMPTY,
  { range: "bytes=0-9" },
  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
);

const putObject = signed(
  { method: "PUT", rawPath: "/test$file.text", body: Buffer.from("Welcome to Amazon S3.") },
  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
  { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
);

const lifecycle = signed(
  { rawQuery: "lifecycle" },
  EMPTY,
  {},
  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
);

const listObjects = signed(
  { rawQuery: "max-keys=2&prefix=J" },
  EMPTY,
  {},
  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
);

const presigned: SignedRequest = {
  method: "GET",
  rawPath: "/test.txt",
  rawQuery:
    `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(CREDENTIAL)}&X-Amz-Date=20130524T000000Z` +
    "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  headers: { host: "examplebucket.s3.amazonaws.com" },
  body: new Uint8Array(),
};

const codeOf = (refusal: Refusal | undefined) => refusal?.code;

test("the fake S3 accepts AWS's examples", () => {
  for (const request of [getObject, putObject, lifecycle, listObjects, presigned]) {
    expect(refusalOf(request, CREDENTIALS, NOW)).toBeUndefined();
  }
});

test("the fake S3 refuses AWS's examples with any signed part changed", () => {
  const changed = [
    { ...getObject, method: "HEAD" },
    { ...getObject, rawPath: "/test.txu" },
    { ...getObject, headers: { ...getObject.headers, range: "bytes=0-8" } },
    { ...listObjects, rawQuery: "max-keys=3&prefix=J" },
    { ...presigned, headers: { host: "otherbucket.s3.amazonaws.com" } },
  ];
  for (const request of changed) expect(codeOf(refusalOf(request, CREDENTIALS, NOW))).toBe("SignatureDoesNotMatch");
});

test("the order of query parameters does not affect a signature", () => {
  expect(refusalOf({ ...listObjects, rawQuery: "prefix=J&max-keys=2" }, CREDENTIALS, NOW)).toBeUndefined();
});

test("a body other than the signed one is refused", () => {
  const other = { ...putObject, body: Buffer.from("Welcome to Amazon S4.") };
  expect(codeOf(refusalOf(other, CREDENTIALS, NOW))).toBe("XAmzContentSHA256Mismatch");
});

test("a presigned address expires after its last second", () => {
  const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);
  expect(refusalOf(presigned, CREDENTIALS, later(86_400))).toBeUndefined();
  expect(codeOf(refusalOf(presigned, CREDENTIALS, later(86_401)))).toBe("AccessDenied");
});
