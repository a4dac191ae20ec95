import { readFile } from "node:fs/promises";
import type { ContainerEndpoint, CredentialSource, InstanceRole, WebIdentity } from "../config/storage-credentials.ts";
import { type OutsideRequest, requestOutside } from "../runtime/outside-request.ts";
import { S3Fault } from "./s3-fault.ts";

/** What requests to a bucket are signed with. Never log it. */
export interface S3Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string | undefined;
  /** From then on the storage refuses them. Undefined: never. */
  readonly expiresAt: Date | undefined;
}

/** The metadata service of a machine answers in milliseconds, or there is none. */
const REQUEST_MAX_MS = 5_000;
const ANSWER_MAX_BYTES = 64 * 1024;
/** The longest time that AWS allows for the token of a metadata session. */
const METADATA_TOKEN_TTL_S = 21_600;
const METADATA_ROLE_PATH = "/latest/meta-data/iam/security-credentials/";
const ATTEMPTS_MAX = 3;

/**
 * Asks a source for credentials, once. Throws `S3Fault` with the code `NoCredentials` if it does not
 * answer or gives none; the fault has the address or the file, and no secret.
 */
export async function loadCredentials(source: CredentialSource): Promise<S3Credentials> {
  switch (source.kind) {
    case "static": {
      const { accessKey, secretKey, sessionToken } = source;
      return { accessKey, secretKey: secretKey.reveal(), sessionToken: sessionToken?.reveal(), expiresAt: undefined };
    }
    case "web-identity":
      return fromWebIdentity(source);
    case "container":
      return fromContainer(source);
    case "instance":
      return fromInstance(source);
  }
}

/** The failure of a source of credentials. `source` is an address or a file. */
function noCredentials(source: string, why: string): S3Fault {
  return new S3Fault("NoCredentials", "storage_failed", ATTEMPTS_MAX, `${source}: ${why}`);
}

/** Returns the text of a successful answer. */
async function ask(url: string, request: Partial<OutsideRequest> = {}): Promise<string> {
  try {
    const limits = { maxMs: REQUEST_MAX_MS, maxBytes: ANSWER_MAX_BYTES };
    const { status, body } = await requestOutside(url, { ...request, ...limits });
    if (status === 200) return new TextDecoder().decode(body);
    throw noCredentials(url, `it answered ${status}`);
  } catch (cause) {
    if (cause instanceof S3Fault) throw cause;
    throw noCredentials(url, "it does not answer");
  }
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch {
    throw noCredentials(file, "it cannot be read");
  }
}

/** IMDSv2: a token for the session first, so that a forwarded request of somebody else gets nothing. */
async function fromInstance({ url }: InstanceRole): Promise<S3Credentials> {
  const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": String(METADATA_TOKEN_TTL_S) };
  const token = await ask(`${url}/latest/api/token`, { method: "PUT", headers: ttl });
  const headers = { "x-aws-ec2-metadata-token": token };
  const roles = `${url}${METADATA_ROLE_PATH}`;
  const [role = ""] = (await ask(roles, { headers })).split("\n");
  if (role === "") throw noCredentials(roles, "this instance has no role");
  return parseAnswer(url, await ask(`${roles}${encodeURIComponent(role)}`, { headers }));
}

async function fromContainer({ url, token }: ContainerEndpoint): Promise<S3Credentials> {
  const text = token === undefined ? undefined : "file" in token ? await readToken(token.file) : token.reveal();
  return parseAnswer(url, await ask(url, text === undefined ? {} : { headers: { authorization: text } }));
}

async function fromWebIdentity({ tokenFile, roleArn, sessionName, stsUrl }: WebIdentity): Promise<S3Credentials> {
  const body = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: roleArn,
    RoleSessionName: sessionName,
    WebIdentityToken: await readToken(tokenFile),
  });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const answer = await ask(stsUrl, { method: "POST", headers, body: body.toString() });
  const field = (name: string) => new RegExp(`<${name}>([^<]{1,8192})</${name}>`).exec(answer)?.[1];
  return complete(stsUrl, {
    AccessKeyId: field("AccessKeyId"),
    SecretAccessKey: field("SecretAccessKey"),
    Token: field("SessionToken"),
    Expiration: field("Expiration"),
  });
}

function parseAnswer(url: string, text: string): S3Credentials {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return complete(url, { ...answer });
  } catch (cause) {
    if (cause instanceof S3Fault) throw cause;
  }
  throw noCredentials(url, "its answer has no credentials");
}

function complete(url: string, fields: Readonly<Record<string, unknown>>): S3Credentials {
  const { AccessKeyId: accessKey, SecretAccessKey: secretKey, Token: sessionToken, Expiration: until } = fields;
  const isWhole = typeof accessKey === "string" && typeof secretKey === "string" && accessKey !== "";
  const expiresAt = typeof until === "string" ? new Date(until) : undefined;
  if (!isWhole || secretKey === "" || Number.isNaN(expiresAt?.getTime())) {
    throw noCredentials(url, "its answer has no credentials");
  }
  return { accessKey, secretKey, sessionToken: typeof sessionToken === "string" ? sessionToken : undefined, expiresAt };
}
