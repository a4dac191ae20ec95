import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting-reader.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Credentials that do not change while the process runs. */
export interface StaticCredentials {
  readonly kind: "static";
  readonly accessKey: string;
  readonly secretKey: Secret<string>;
  /** Only temporary credentials have one. */
  readonly sessionToken: Secret<string> | undefined;
}

/** The token of a Kubernetes service account or another identity, exchanged for credentials. */
export interface WebIdentity {
  readonly kind: "web-identity";
  readonly tokenFile: string;
  readonly roleArn: string;
  readonly sessionName: string;
  /** The address of AWS's Security Token Service. */
  readonly stsUrl: string;
}

/** An endpoint beside a container, as ECS and EKS have it. */
export interface ContainerEndpoint {
  readonly kind: "container";
  readonly url: string;
  /** Sent as `Authorization`: a text, or a file that is read anew each time. */
  readonly token: Secret<string> | { readonly file: string } | undefined;
}

/** The metadata service of an EC2 instance, whose role gives the credentials. */
export interface InstanceRole {
  readonly kind: "instance";
  readonly url: string;
}

/** Where the credentials of a bucket come from. */
export type CredentialSource = StaticCredentials | WebIdentity | ContainerEndpoint | InstanceRole;

/** If it is given no session token, Bun takes one from these variables and signs with it. */
const TOKEN_VARIABLES = ["S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"];
const CONTAINER_URL = "http://169.254.170.2";
const INSTANCE_URL = "http://169.254.169.254";
/** Hosts of containers that AWS allows without TLS, beside loopback. */
const CONTAINER_HOSTS = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "[::1]"];
const NONE =
  "is required with STORAGE_TYPE=S3, as is STORAGE_SECRET_KEY. Or give this machine a role: see `Use an instance role` " +
  "in docs/operations.md";

/**
 * Finds where credentials come from: the settings, then what AWS gives to a process, in the order of
 * AWS's own programs. Problems go to the reader.
 */
export function readCredentials(
  reader: SettingReader,
  environment: Environment,
  { endpoint, region }: { readonly endpoint: string | undefined; readonly region: string },
): CredentialSource {
  const isSet = reader.text("STORAGE_ACCESS_KEY") !== undefined || reader.text("STORAGE_SECRET_KEY") !== undefined;
  if (isSet) return fromSettings(reader, environment);
  const found =
    fromEnvironment(environment) ?? fromWebIdentity(environment, region) ?? fromContainer(reader, environment);
  if (found !== undefined) return found;
  const isAws = endpoint === undefined || /\.amazonaws\.com(?:\.cn)?\/?$/.test(endpoint);
  const asked = environment.AWS_EC2_METADATA_SERVICE_ENDPOINT;
  if ((isAws || asked) && environment.AWS_EC2_METADATA_DISABLED !== "true") {
    return { kind: "instance", url: (asked || INSTANCE_URL).replace(/\/+$/, "") };
  }
  reader.reject("STORAGE_ACCESS_KEY", NONE);
  return { kind: "static", accessKey: "", secretKey: new Secret(""), sessionToken: undefined };
}

function fromSettings(reader: SettingReader, environment: Environment): StaticCredentials {
  return {
    kind: "static",
    accessKey: reader.required("STORAGE_ACCESS_KEY", "with STORAGE_SECRET_KEY"),
    secretKey: new Secret(reader.required("STORAGE_SECRET_KEY", "with STORAGE_ACCESS_KEY")),
    sessionToken: readSessionToken(reader, environment),
  };
}

function readSessionToken(reader: SettingReader, environment: Environment): Secret<string> | undefined {
  const token = reader.text("STORAGE_SESSION_TOKEN");
  if (token !== undefined) return new Secret(token);
  const found = TOKEN_VARIABLES.find((name) => environment[name]);
  if (found !== undefined) {
    reader.reject(
      "STORAGE_SESSION_TOKEN",
      `is not set, but ${found} is, and would be used. Set STORAGE_SESSION_TOKEN, or unset ${found}`,
    );
  }
  return undefined;
}

function fromEnvironment(environment: Environment): StaticCredentials | undefined {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return undefined;
  return {
    kind: "static",
    accessKey: AWS_ACCESS_KEY_ID,
    secretKey: new Secret(AWS_SECRET_ACCESS_KEY),
    sessionToken: AWS_SESSION_TOKEN ? new Secret(AWS_SESSION_TOKEN) : undefined,
  };
}

function fromWebIdentity(environment: Environment, region: string): WebIdentity | undefined {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: tokenFile, AWS_ROLE_ARN: roleArn } = environment;
  if (!tokenFile || !roleArn) return undefined;
  const stsUrl = environment.AWS_ENDPOINT_URL_STS || `https://sts.${environment.AWS_REGION || region}.amazonaws.com/`;
  const sessionName = environment.AWS_ROLE_SESSION_NAME || "cpm-registry";
  return { kind: "web-identity", tokenFile, roleArn, sessionName, stsUrl };
}

function fromContainer(reader: SettingReader, environment: Environment): ContainerEndpoint | undefined {
  const { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: path, AWS_CONTAINER_CREDENTIALS_FULL_URI: full } = environment;
  if (!path && !full) return undefined;
  const url = URL.parse(path ? `${CONTAINER_URL}${path}` : (full ?? ""));
  const isAllowed = url !== null && (CONTAINER_HOSTS.includes(url.hostname) || url.hostname.startsWith("127."));
  if (url?.protocol !== "https:" && !(isAllowed && url.protocol === "http:")) {
    reader.reject(
      "AWS_CONTAINER_CREDENTIALS_FULL_URI",
      "must be an https:// address, or the http:// address of this machine or of the container service",
    );
  }
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN: text } = environment;
  const token = file ? { file } : text ? new Secret(text) : undefined;
  return { kind: "container", url: url?.href ?? "", token };
}
