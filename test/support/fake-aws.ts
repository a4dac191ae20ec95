/**
 * What AWS offers beside a machine, in this process: the metadata service of EC2 (version 2 only), an
 * endpoint of containers, and AssumeRoleWithWebIdentity. Each answers as AWS documents it, with the
 * credentials that a test sets, and refuses what AWS refuses.
 */
export interface FakeAws {
  readonly url: string;
  /** What is given out. Tests change it to rotate. */
  given: GivenCredentials;
  /** Answers 500 while it is set. */
  isDown: boolean;
  /** The paths that were asked, in their order. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export interface GivenCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
  readonly expiresAt: Date;
}

export const CONTAINER_TOKEN = "token-of-the-container";
export const IDENTITY_TOKEN = "token-of-the-service-account";
const METADATA_TOKEN = "session-of-the-metadata";
const ROLES = "/latest/meta-data/iam/security-credentials/";

function documentOf({ accessKey, secretKey, sessionToken, expiresAt }: GivenCredentials): Response {
  const Expiration = expiresAt.toISOString();
  const fields = {
    Code: "Success",
    AccessKeyId: accessKey,
    SecretAccessKey: secretKey,
    Token: sessionToken,
    Expiration,
  };
  return Response.json(fields);
}

function xmlOf({ accessKey, secretKey, sessionToken, expiresAt }: GivenCredentials): Response {
  return new Response(`<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials><SessionToken>${sessionToken}</SessionToken>
  <SecretAccessKey>${secretKey}</SecretAccessKey><Expiration>${expiresAt.toISOString()}</Expiration>
  <AccessKeyId>${accessKey}</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`);
}

async function answer(request: Request, given: GivenCredentials): Promise<Response> {
  const { pathname } = new URL(request.url);
  const { method, headers } = request;
  if (pathname === "/latest/api/token") {
    const isRight = method === "PUT" && headers.get("x-aws-ec2-metadata-token-ttl-seconds") !== null;
    return isRight ? new Response(METADATA_TOKEN) : new Response("", { status: 400 });
  }
  if (pathname.startsWith(ROLES)) {
    if (headers.get("x-aws-ec2-metadata-token") !== METADATA_TOKEN) return new Response("", { status: 401 });
    if (pathname === ROLES) return new Response("registry-role");
    return pathname === `${ROLES}registry-role` ? documentOf(given) : new Response("", { status: 404 });
  }
  if (pathname === "/container") {
    const isRight = headers.get("authorization") === CONTAINER_TOKEN;
    return isRight ? documentOf(given) : new Response("", { status: 403 });
  }
  const form = new URLSearchParams(await request.text());
  const isRight = form.get("WebIdentityToken") === IDENTITY_TOKEN && form.get("RoleArn") === "arn:aws:iam::1:role/r";
  return isRight && form.get("Action") === "AssumeRoleWithWebIdentity"
    ? xmlOf(given)
    : new Response("", { status: 400 });
}

/** Starts the services. */
export function startFakeAws(given: GivenCredentials): FakeAws {
  const asked: string[] = [];
  const fake = { given, isDown: false };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      asked.push(new URL(request.url).pathname);
      return fake.isDown ? new Response("", { status: 500 }) : answer(request, fake.given);
    },
  });
  return Object.assign(fake, { url: `http://127.0.0.1:${server.port}`, asked, stop: () => server.stop(true) });
}
