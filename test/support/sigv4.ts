/**
 * Checks AWS Signature Version 4 as S3 does. Written from AWS's documentation ("Authenticating
 * Requests: Using the Authorization Header" and "… Using Query Parameters" of the S3 API
 * reference), and from nothing in src/.
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  /** Temporary credentials have one. It has to come with every request. */
  readonly sessionToken?: string | undefined;
}

export interface SignedRequest {
  readonly method: string;
  /** As sent, with percent signs. */
  readonly rawPath: string;
  readonly rawQuery: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** Why S3 would refuse a request. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** What a request says about its signature, in either form. */
interface Claim {
  readonly credential: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** `20261124T023404Z` */
  readonly date: string;
  readonly token: string | undefined;
  readonly payloadHash: string;
  /** In seconds. Only presigned addresses have it. */
  readonly expires: number | undefined;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const UNSIGNED = "UNSIGNED-PAYLOAD";
const SKEW_MAX_MS = 15 * 60_000;
const EXPIRES_MAX_S = 604_800;

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const hmac = (key: string | Uint8Array, data: string) => createHmac("sha256", key).update(data).digest();

/** Percent-encodes everything but letters, digits and `-._~`, with capital letters, as AWS does. */
export function awsEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Returns names and values of a query, decoded, in the order in which they came. */
export function parseQuery(rawQuery: string): [string, string][] {
  const pairs = rawQuery.split("&").filter((pair) => pair !== "");
  return pairs.map((pair) => {
    const [name = "", ...value] = pair.split("=");
    return [decodeURIComponent(name), decodeURIComponent(value.join("="))];
  });
}

/** Whether the address has a signature. */
export function isPresigned(rawQuery: string): boolean {
  return parseQuery(rawQuery).some(([name]) => name === "X-Amz-Signature" || name === "X-Amz-Algorithm");
}

/**
 * Returns why S3 would refuse a request, or undefined if it would not. The request's date is
 * checked against `now`.
 */
export function refusalOf(request: SignedRequest, credentials: Credentials, now: Date): Refusal | undefined {
  const claim = isPresigned(request.rawQuery) ? claimOfQuery(request) : claimOfHeader(request);
  if ("code" in claim) return claim;
  return (
    wrongCredential(claim, credentials) ??
    wrongTime(claim, now) ??
    unsignedHeader(request, claim) ??
    wrongSignature(request, claim, credentials) ??
    wrongPayload(request, claim)
  );
}

function claimOfQuery({ rawQuery, headers }: SignedRequest): Claim | Refusal {
  const query = new Map(parseQuery(rawQuery));
  const malformed = (message: string) => ({ status: 400, code: "AuthorizationQueryParametersError", message });
  const expires = Number(query.get("X-Amz-Expires"));
  if (query.get("X-Amz-Algorithm") !== ALGORITHM) return malformed(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  if (!Number.isInteger(expires) || expires < 1 || expires > EXPIRES_MAX_S) {
    return malformed("X-Amz-Expires must be a number of seconds between 1 and 604800");
  }
  return {
    credential: query.get("X-Amz-Credential") ?? "",
    signedHeaders: (query.get("X-Amz-SignedHeaders") ?? "").split(";"),
    signature: query.get("X-Amz-Signature") ?? "",
    date: query.get("X-Amz-Date") ?? "",
    token: query.get("X-Amz-Security-Token"),
    payloadHash: query.get("X-Amz-Content-Sha256") ?? headers["x-amz-content-sha256"] ?? UNSIGNED,
    expires,
  };
}

function claimOfHeader({ headers }: SignedRequest): Claim | Refusal {
  const text = headers.authorization;
  if (text === undefined) return { status: 403, code: "AccessDenied", message: "Access Denied" };
  if (!text.startsWith(`${ALGORITHM} `)) {
    return { status: 400, code: "InvalidRequest", message: `Please use ${ALGORITHM}` };
  }
  const payloadHash = headers["x-amz-content-sha256"];
  if (payloadHash === undefined) {
    return { status: 400, code: "InvalidRequest", message: "Missing required header: x-amz-content-sha256" };
  }
  const parts = text.slice(ALGORITHM.length).split(",");
  const part = (name: string) => parts.map((each) => each.trim().split("=")).find(([found]) => found === name)?.[1];
  return {
    credential: part("Credential") ?? "",
    signedHeaders: (part("SignedHeaders") ?? "").split(";"),
    signature: part("Signature") ?? "",
    date: headers["x-amz-date"] ?? "",
    token: headers["x-amz-security-token"],
    payloadHash,
    expires: undefined,
  };
}

function wrongCredential(claim: Claim, { accessKey, region, sessionToken }: Credentials): Refusal | undefined {
  const code = claim.expires === undefined ? "AuthorizationHeaderMalformed" : "AuthorizationQueryParametersError";
  const [key, day, ...rest] = claim.credential.split("/");
  if (rest.length !== 3) return { status: 400, code, message: "The Credential is mal-formed." };
  if (key !== accessKey || (sessionToken !== undefined && claim.token === undefined)) {
    const message = "The AWS Access Key Id you provided does not exist in our records.";
    return { status: 403, code: "InvalidAccessKeyId", message };
  }
  if (claim.token !== sessionToken) {
    return { status: 400, code: "InvalidToken", message: "The provided token is malformed or otherwise invalid." };
  }
  if (day === claim.date.slice(0, 8) && rest.join("/") === `${region}/s3/aws4_request`) return undefined;
  return { status: 400, code, message: `The scope is wrong; expecting '${region}/s3/aws4_request' and the date.` };
}

function wrongTime({ date, expires }: Claim, now: Date): Refusal | undefined {
  const signed = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  if (Number.isNaN(signed)) return { status: 403, code: "AccessDenied", message: "A valid X-Amz-Date is required" };
  const ageMs = now.getTime() - signed;
  if (expires === undefined) {
    if (Math.abs(ageMs) <= SKEW_MAX_MS) return undefined;
    const message = "The difference between the request time and the current time is too large.";
    return { status: 403, code: "RequestTimeTooSkewed", message };
  }
  if (ageMs < -SKEW_MAX_MS) return { status: 403, code: "AccessDenied", message: "Request is not yet valid" };
  if (ageMs > expires * 1_000) return { status: 403, code: "AccessDenied", message: "Request has expired" };
  return undefined;
}

/**
 * Host and every `x-amz-*` header have to be signed. Otherwise anybody could add some to a signed
 * request.
 */
function unsignedHeader({ headers }: SignedRequest, { signedHeaders }: Claim): Refusal | undefined {
  const mustBe = Object.keys(headers).filter((name) => name === "host" || name.startsWith("x-amz-"));
  const missing = mustBe.filter((name) => !signedHeaders.includes(name));
  if (missing.length === 0) return undefined;
  const message = `There were headers present in the request which were not signed: ${missing.join(", ")}`;
  return { status: 403, code: "AccessDenied", message };
}

function wrongSignature(request: SignedRequest, claim: Claim, credentials: Credentials): Refusal | undefined {
  const scope = claim.credential.split("/").slice(1);
  const toSign = [ALGORITHM, claim.date, scope.join("/"), sha256(canonicalRequest(request, claim))].join("\n");
  const key = scope.reduce<string | Uint8Array>(hmac, `AWS4${credentials.secretKey}`);
  const [wanted, found] = [hmac(key, toSign), Buffer.from(claim.signature, "hex")];
  if (found.length === wanted.length && timingSafeEqual(found, wanted)) return undefined;
  const message =
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
  return { status: 403, code: "SignatureDoesNotMatch", message };
}

function canonicalRequest({ method, rawPath, rawQuery, headers }: SignedRequest, claim: Claim): string {
  const query = parseQuery(rawQuery)
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${awsEncode(name)}=${awsEncode(value)}`);
  const lines = claim.signedHeaders.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}\n`);
  return [
    method,
    // S3 encodes a path once and keeps its slashes, dots and double slashes.
    decodeURIComponent(rawPath).split("/").map(awsEncode).join("/"),
    query.sort().join("&"),
    lines.join(""),
    claim.signedHeaders.join(";"),
    claim.payloadHash,
  ].join("\n");
}

function wrongPayload({ body }: SignedRequest, { payloadHash }: Claim): Refusal | undefined {
  if (payloadHash === UNSIGNED || payloadHash === sha256(body)) return undefined;
  if (payloadHash.startsWith("STREAMING-")) {
    return { status: 501, code: "NotImplemented", message: "The fake S3 takes no payload signed in chunks." };
  }
  const message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
  return { status: 400, code: "XAmzContentSHA256Mismatch", message };
}
