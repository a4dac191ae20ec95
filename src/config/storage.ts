import { join } from "node:path";
import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting-reader.ts";

const REGION_DEFAULT = "us-east-1";
const TIMEOUT_DEFAULT_MS = 10_000;
/** Storing an archive takes two calls of two attempts, and a client without an answer is let go after a minute. */
const TIMEOUT_MAX_MS = 12_000;
/** Bun takes a session token from these when it is given none, and then signs with it. */
const TOKEN_VARIABLES = ["S3_SESSION_TOKEN", "AWS_SESSION_TOKEN"];

/** A bucket of S3 or of a compatible service. */
export interface S3Config {
  readonly kind: "s3";
  /** Scheme and host, where the bucket is a part of the path; with the bucket in its name, where it is not. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: Secret<string>;
  /** Of temporary credentials only. */
  readonly sessionToken: Secret<string> | undefined;
  /** True: `https://host/bucket/key`; false: `https://bucket.host/key`. */
  readonly pathStyle: boolean;
  /** What every key begins with: empty, or ending in a slash. */
  readonly keyPrefix: string;
  /** Downloads are answered with an address of the storage instead of the bytes. */
  readonly redirect: boolean;
  /** How long the storage may take to answer one request, before what the size of an archive adds. */
  readonly timeoutMs: number;
}

export interface FilesConfig {
  readonly kind: "files";
  readonly directory: string;
}

export type StorageConfig = FilesConfig | S3Config;

/** Adds the bucket to the host: `https://s3.example.org` becomes `https://bucket.s3.example.org`. */
function withBucket(url: URL, bucket: string): string {
  const complete = new URL(url);
  complete.hostname = `${bucket}.${url.hostname}`;
  return complete.origin;
}

function readEndpoint(reader: SettingReader, bucket: string, region: string, pathStyle: boolean): string {
  const text = reader.text("STORAGE_ENDPOINT") ?? `https://s3.${region}.amazonaws.com`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "";
  if (!isPlain || !/^\/?$/.test(url.pathname)) {
    const message = "must be an http:// or https:// address without path, such as https://nyc3.digitaloceanspaces.com";
    reader.reject("STORAGE_ENDPOINT", message);
    return "";
  }
  return pathStyle ? url.origin : withBucket(url, bucket);
}

function readBucket(reader: SettingReader): string {
  const bucket = reader.required("STORAGE_BUCKET_NAME", "with STORAGE_TYPE=S3");
  if (bucket !== "" && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    reader.reject("STORAGE_BUCKET_NAME", "must be 3 to 63 small letters, digits, dots and hyphens");
  }
  return bucket;
}

function readKeyPrefix(reader: SettingReader): string {
  const text = (reader.text("STORAGE_KEY_PREFIX") ?? "").replace(/^\/+|\/+$/g, "");
  if (text === "") return "";
  const isPlain =
    text.length <= 512 && text.split("/").every((part) => /^[A-Za-z0-9._-]+$/.test(part) && !/^\.+$/.test(part));
  if (!isPlain) reader.reject("STORAGE_KEY_PREFIX", "must be letters, digits, . _ - and /, such as registries/main");
  return `${text}/`;
}

function readSessionToken(
  reader: SettingReader,
  environment: Readonly<Record<string, string | undefined>>,
): Secret<string> | undefined {
  const token = reader.text("STORAGE_SESSION_TOKEN");
  if (token !== undefined) return new Secret(token);
  const found = TOKEN_VARIABLES.find((name) => environment[name]);
  if (found !== undefined) {
    reader.reject(
      "STORAGE_SESSION_TOKEN",
      `is not set, but ${found} is and would be used: set the one or unset the other`,
    );
  }
  return undefined;
}

/** Reads where archives lie; problems go to the reader. `dataDir` is absolute. */
export function readStorage(
  reader: SettingReader,
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): StorageConfig {
  if (reader.choice("STORAGE_TYPE", ["FileSystem", "S3"], "FileSystem") === "FileSystem") {
    return { kind: "files", directory: join(dataDir, "packages") };
  }
  const bucket = readBucket(reader);
  const region = reader.text("STORAGE_REGION") ?? REGION_DEFAULT;
  // AWS wants the bucket in the host; services of one's own seldom have a name for every bucket.
  const pathStyle = reader.flag("STORAGE_PATH_STYLE", reader.text("STORAGE_ENDPOINT") !== undefined);
  return {
    kind: "s3",
    bucket,
    region,
    pathStyle,
    endpoint: readEndpoint(reader, bucket, region, pathStyle),
    accessKey: reader.required("STORAGE_ACCESS_KEY", "with STORAGE_TYPE=S3"),
    secretKey: new Secret(reader.required("STORAGE_SECRET_KEY", "with STORAGE_TYPE=S3")),
    sessionToken: readSessionToken(reader, environment),
    keyPrefix: readKeyPrefix(reader),
    redirect: reader.flag("STORAGE_REDIRECT", false),
    timeoutMs: reader.integer("STORAGE_TIMEOUT_MS", TIMEOUT_DEFAULT_MS, 100, TIMEOUT_MAX_MS),
  };
}
