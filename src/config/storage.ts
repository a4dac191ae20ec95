import { join } from "node:path";
import type { SettingReader } from "./setting-reader.ts";
import { SETTINGS } from "./settings.ts";
import { type CredentialSource, readCredentials } from "./storage-credentials.ts";

/** A bucket of S3 or of a compatible service. */
export interface S3Config {
  readonly kind: "s3";
  /** Scheme and host. The host begins with the bucket unless `pathStyle` is true. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: CredentialSource;
  /** Where clients find the bucket, in the form of `endpoint`. Undefined: at `endpoint`. */
  readonly publicEndpoint: string | undefined;
  /** True: `https://host/bucket/key`; false: `https://bucket.host/key`. */
  readonly pathStyle: boolean;
  /** What every key begins with. Empty, or ends in a slash. */
  readonly keyPrefix: string;
  /** True if a download is answered with an address of the storage instead of the bytes. */
  readonly redirect: boolean;
  /** How long the storage may take to answer one request. The size of an archive adds to it. */
  readonly timeoutMs: number;
  /** How many bytes of downloads one process may hold in local files. */
  readonly spillMaxBytes: number;
}

/** A directory of this machine. */
export interface FilesConfig {
  readonly kind: "files";
  readonly directory: string;
}

/** Where a registry stores its archives. */
export type StorageConfig = FilesConfig | S3Config;

/**
 * Adds the bucket to the host: `https://s3.example.org` becomes `https://bucket.s3.example.org`.
 */
function withBucket(url: URL, bucket: string): string {
  const complete = new URL(url);
  complete.hostname = `${bucket}.${url.hostname}`;
  return complete.origin;
}

function readEndpoint(reader: SettingReader, bucket: string, region: string, pathStyle: boolean): string {
  const text = reader.text("STORAGE_ENDPOINT") ?? `https://s3.${region}.amazonaws.com`;
  return checkEndpoint(reader, "STORAGE_ENDPOINT", text, bucket, pathStyle);
}

function checkEndpoint(
  reader: SettingReader,
  setting: "STORAGE_ENDPOINT" | "STORAGE_PUBLIC_ENDPOINT",
  text: string,
  bucket: string,
  pathStyle: boolean,
): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.search === "";
  if (!isPlain || !/^\/?$/.test(url.pathname)) {
    const message =
      "must be an http:// or https:// address without a path, such as https://nyc3.digitaloceanspaces.com";
    reader.reject(setting, message);
    return "";
  }
  return pathStyle ? url.origin : withBucket(url, bucket);
}

function readBucket(reader: SettingReader): string {
  const bucket = reader.required("STORAGE_BUCKET_NAME", "with STORAGE_TYPE=S3");
  if (bucket !== "" && !/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    reader.reject("STORAGE_BUCKET_NAME", "must be 3 to 63 lower-case letters, digits, dots and hyphens");
  }
  return bucket;
}

function readKeyPrefix(reader: SettingReader): string {
  const text = (reader.text("STORAGE_KEY_PREFIX") ?? "").replace(/^\/+|\/+$/g, "");
  if (text === "") return "";
  const isPlain =
    text.length <= 512 && text.split("/").every((part) => /^[A-Za-z0-9._-]+$/.test(part) && !/^\.+$/.test(part));
  if (!isPlain)
    reader.reject("STORAGE_KEY_PREFIX", "must consist of letters, digits, . _ - and /, such as registries/main");
  return `${text}/`;
}

/** Reads the address that clients follow, in the form of `endpoint`. */
function readPublicEndpoint(reader: SettingReader, bucket: string, pathStyle: boolean): string | undefined {
  const text = reader.text("STORAGE_PUBLIC_ENDPOINT");
  return text === undefined ? undefined : checkEndpoint(reader, "STORAGE_PUBLIC_ENDPOINT", text, bucket, pathStyle);
}

/** Reads where archives are stored. Problems go to the reader. `dataDir` is absolute. */
export function readStorage(
  reader: SettingReader,
  dataDir: string,
  environment: Readonly<Record<string, string | undefined>>,
): StorageConfig {
  if (reader.choice("STORAGE_TYPE") === "FileSystem") {
    return { kind: "files", directory: join(dataDir, "packages") };
  }
  const bucket = readBucket(reader);
  const region = reader.text("STORAGE_REGION") ?? SETTINGS.STORAGE_REGION.default;
  // AWS wants the bucket in the host name. Other services seldom have a host name for every bucket.
  const pathStyle = reader.flag("STORAGE_PATH_STYLE", reader.text("STORAGE_ENDPOINT") !== undefined);
  return {
    kind: "s3",
    bucket,
    region,
    pathStyle,
    endpoint: readEndpoint(reader, bucket, region, pathStyle),
    publicEndpoint: readPublicEndpoint(reader, bucket, pathStyle),
    credentials: readCredentials(reader, environment, { endpoint: reader.text("STORAGE_ENDPOINT"), region }),
    keyPrefix: readKeyPrefix(reader),
    redirect: reader.flag("STORAGE_REDIRECT", SETTINGS.STORAGE_REDIRECT.default),
    timeoutMs: reader.integer("STORAGE_TIMEOUT_MS"),
    spillMaxBytes: reader.integer("STORAGE_SPILL_MAX_BYTES"),
  };
}
