import { resolve } from "node:path";
import { type ArchiveLimits, COMPRESSED_HARD_MAX_BYTES, DEFAULT_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { type ArmedFailpoint, type Failpoint, parseFailpoints } from "../runtime/failpoints.ts";
import { LOG_LEVELS, type LogLevel } from "../runtime/logger.ts";
import { isKeyName, parseSignerKey, type SignerKey } from "../tlog/note.ts";
import { type PostgresConnection, parsePostgresConnection } from "./connection.ts";
import { jwtKeyProblem } from "./jwt-key.ts";
import { parseProxies } from "./proxies.ts";
import { Secret } from "./secret.ts";
import { SettingReader } from "./setting-reader.ts";
import { collectSettings, type SettingName, type SettingProblem } from "./settings.ts";
import { readStorage, type StorageConfig } from "./storage.ts";
import { parseWitness, type WitnessAddress } from "./witnesses.ts";

export type DatabaseConfig =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly connection: PostgresConnection };

/** How much one account may publish within an hour. */
export interface PublishLimits {
  readonly newNamesPerHour: number;
  readonly versionsPerHour: number;
}

/** Everything the process was told, checked. Printable: secrets print as `[redacted]`. */
export interface Config {
  readonly host: string;
  readonly port: number;
  /** Without a trailing slash; may end in a path prefix. */
  readonly publicUrl: string;
  readonly dataDir: string;
  readonly database: DatabaseConfig;
  readonly storage: StorageConfig;
  /** Undefined with SQLite when the key is to be made once in `dataDir`. */
  readonly jwtKey: Secret<string> | undefined;
  readonly jwtIssuer: string;
  readonly corsOrigins: readonly string[];
  readonly registration: "open" | "closed";
  /** Who may read packages; health and the description of the API are open to everybody. */
  readonly readAccess: "public" | "authenticated";
  /** What one account may publish; undefined for no limit. */
  readonly publishLimits: PublishLimits | undefined;
  /** How often a package was downloaded before names that resemble its own are refused. */
  readonly similarNamesMinDownloads: number;
  /** Addresses and networks whose `X-Forwarded-For` counts. */
  readonly trustedProxies: readonly string[];
  /** What begins the checkpoints of the transparency log, until its database says. */
  readonly logOrigin: string;
  /** Undefined with SQLite when the key is to be made once in `dataDir`. */
  readonly logKey: Secret<SignerKey> | undefined;
  /** Who is asked to cosign the log's checkpoints. */
  readonly logWitnesses: readonly WitnessAddress[];
  readonly logLevel: LogLevel;
  /** Processes that share the port. */
  readonly workers: number;
  readonly archiveLimits: ArchiveLimits;
  /** Empty outside of tests. */
  readonly failpoints: ReadonlyMap<Failpoint, ArmedFailpoint>;
}

/** The settings do not make a configuration; `problems` holds every reason, not only the first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly problems: readonly SettingProblem[]) {
    super(problems.map((problem) => `${problem.setting}: ${problem.message}`).join("\n"));
  }
}

function readPublicUrl(reader: SettingReader, port: number): string {
  const text = reader.text("PUBLIC_URL");
  const fallback = port === 80 ? "http://localhost" : `http://localhost:${port}`;
  if (text === undefined) return fallback;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
  if (plain && (url.protocol === "http:" || url.protocol === "https:")) {
    return (url.origin + url.pathname).replace(/\/+$/, "");
  }
  reader.reject(
    "PUBLIC_URL",
    "must be an http:// or https:// address without query, such as https://cpm.example.org/registry",
  );
  return fallback;
}

/** The name under which a Postgres was configured, whether or not its text can be read; undefined for SQLite. */
function connectionSetting(reader: SettingReader): SettingName | undefined {
  const names = ["DATABASE_URL", "ConnectionStrings__DefaultConnection"] as const;
  return names.find((name) => reader.text(name) !== undefined);
}

function readDatabase(reader: SettingReader, dataDir: string): DatabaseConfig {
  const sqlite: DatabaseConfig = { kind: "sqlite", path: resolve(dataDir, "registry.db") };
  const setting = connectionSetting(reader);
  if (setting === undefined) return sqlite;
  const connection = parsePostgresConnection(reader.text(setting) ?? "");
  if (connection !== undefined) return { kind: "postgres", connection };
  reader.reject(
    setting,
    "must be postgres://user:password@host:5432/database or Host=…;Database=…;Username=…;Password=…; leave it out for SQLite",
  );
  return sqlite;
}

function readJwtKey(reader: SettingReader): Secret<string> | undefined {
  const text = reader.text("JWT_KEY");
  if (text === undefined) {
    if (connectionSetting(reader) !== undefined) {
      reader.reject("JWT_KEY", "is required with Postgres, so that every replica signs alike: openssl rand -base64 48");
    }
    return undefined;
  }
  const problem = jwtKeyProblem(text);
  if (problem !== undefined) reader.reject("JWT_KEY", problem);
  return new Secret(text);
}

/** The host of the public address and `/log`, as c2sp.org/tlog-tiles advises; a path prefix stands between. */
function readLogOrigin(reader: SettingReader, publicUrl: string): string {
  const origin = reader.text("LOG_ORIGIN") ?? `${publicUrl.replace(/^https?:\/\//, "")}/log`;
  if (!isKeyName(origin))
    reader.reject("LOG_ORIGIN", "must be a name without spaces and +, such as cpm.example.org/log");
  return origin;
}

function readLogKey(reader: SettingReader, origin: string): Secret<SignerKey> | undefined {
  const text = reader.text("LOG_SIGNING_KEY");
  if (text === undefined) {
    if (connectionSetting(reader) !== undefined) {
      const how = `make one and keep it: cpm-registry log make-key ${origin}`;
      reader.reject("LOG_SIGNING_KEY", `is required with Postgres, so that every replica signs alike; ${how}`);
    }
    return undefined;
  }
  const key = parseSignerKey(text);
  if (key === undefined) reader.reject("LOG_SIGNING_KEY", "is not of the form PRIVATE+KEY+<origin>+<id>+<key>");
  else if (reader.text("LOG_ORIGIN") !== undefined && key.name !== origin) {
    reader.reject("LOG_SIGNING_KEY", `is the key of ${key.name}, and LOG_ORIGIN is another`);
  }
  return key && new Secret(key);
}

function readWitnesses(reader: SettingReader): WitnessAddress[] {
  return reader.list("LOG_WITNESSES").flatMap((text) => {
    const witness = parseWitness(text);
    if (witness !== undefined) return [witness];
    reader.reject(
      "LOG_WITNESSES",
      "must be <verifier key> <address>, comma-separated, as cpm-registry witness prints it",
    );
    return [];
  });
}

function readCorsOrigins(reader: SettingReader): readonly string[] {
  const origins = reader.list("CORS_ORIGINS");
  for (const origin of origins) {
    const exact = /^https?:\/\/[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
    if (exact) continue;
    reader.reject("CORS_ORIGINS", `${origin} is not an exact origin such as https://dashboard.example.org`);
  }
  return origins;
}

/** Processes that share a port are the kernel's work, which only Linux does; all must know the port. */
function readWorkers(reader: SettingReader, port: number): number {
  const workers = reader.integer("WORKERS", 1, 1, 64);
  if (workers > 1 && process.platform !== "linux") reader.reject("WORKERS", "more than one needs Linux");
  if (workers > 1 && port === 0) reader.reject("WORKERS", "more than one needs a PORT that is not 0");
  return workers;
}

function readPublishLimits(reader: SettingReader): PublishLimits | undefined {
  const limits = {
    newNamesPerHour: reader.integer("PUBLISH_NEW_NAMES_PER_HOUR", 120, 1, 1_000_000),
    versionsPerHour: reader.integer("PUBLISH_VERSIONS_PER_HOUR", 1_200, 1, 1_000_000),
  };
  return reader.choice("PUBLISH_LIMITS", ["on", "off"], "on") === "on" ? limits : undefined;
}

function readTrustedProxies(reader: SettingReader): readonly string[] {
  const proxies = reader.list("TRUSTED_PROXIES");
  if (parseProxies(proxies) === undefined) {
    reader.reject("TRUSTED_PROXIES", "must be addresses or networks, comma-separated, such as 10.0.0.0/8,::1");
  }
  return proxies;
}

/** What tests do to a registry must not happen to one that people use. */
function readFailpoints(reader: SettingReader, nodeEnv: string | undefined): Config["failpoints"] {
  const text = reader.text("FAILPOINTS");
  if (text === undefined) return new Map();
  const isCompiled = import.meta.path.startsWith("/$bunfs/") || import.meta.path.includes("~BUN");
  const armed = parseFailpoints(text);
  if (nodeEnv !== "test" || isCompiled)
    reader.reject("FAILPOINTS", "is for this registry's own tests only; leave it out");
  else if (armed === undefined) reader.reject("FAILPOINTS", "must be of the form publish.stored=kill@3,sync.file=skip");
  return armed ?? new Map();
}

function readArchiveLimits(reader: SettingReader): ArchiveLimits {
  const limits = DEFAULT_ARCHIVE_LIMITS;
  return {
    compressedMaxBytes: reader.integer("ARCHIVE_MAX_BYTES", limits.compressedMaxBytes, 1, COMPRESSED_HARD_MAX_BYTES),
    unpackedMaxBytes: reader.integer("ARCHIVE_UNPACKED_MAX_BYTES", limits.unpackedMaxBytes, 1, limits.unpackedMaxBytes),
    entriesMax: reader.integer("ARCHIVE_ENTRIES_MAX", limits.entriesMax, 1, limits.entriesMax),
    manifestMaxBytes: reader.integer("MANIFEST_MAX_BYTES", limits.manifestMaxBytes, 1, limits.manifestMaxBytes),
  };
}

/**
 * Makes the configuration from the environment and an optional JSON file (`--config`), environment over file.
 * This is the only reader of the environment. Throws `ConfigError` with all problems at once.
 */
export function readConfig(
  configFile?: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const problems: SettingProblem[] = [];
  const reader = new SettingReader(collectSettings(environment, configFile, problems), problems);
  const port = reader.integer("PORT", 5000, 0, 65_535);
  const dataDir = resolve(reader.text("DATA_DIR") ?? "App_Data");
  const publicUrl = readPublicUrl(reader, port);
  const logOrigin = readLogOrigin(reader, publicUrl);
  const config: Config = {
    host: reader.text("HOST") ?? "0.0.0.0",
    port,
    publicUrl,
    dataDir,
    database: readDatabase(reader, dataDir),
    storage: readStorage(reader, dataDir, environment),
    jwtKey: readJwtKey(reader),
    jwtIssuer: reader.text("JWT_ISSUER") ?? "cpm-registry",
    corsOrigins: readCorsOrigins(reader),
    registration: reader.choice("REGISTRATION", ["open", "closed"], "open"),
    readAccess: reader.choice("READ_ACCESS", ["public", "authenticated"], "public"),
    publishLimits: readPublishLimits(reader),
    similarNamesMinDownloads: reader.integer("SIMILAR_NAMES_MIN_DOWNLOADS", 100, 0, 1_000_000_000),
    trustedProxies: readTrustedProxies(reader),
    logOrigin,
    logKey: readLogKey(reader, logOrigin),
    logWitnesses: readWitnesses(reader),
    logLevel: reader.choice("LOG_LEVEL", LOG_LEVELS, "warn"),
    workers: readWorkers(reader, port),
    archiveLimits: readArchiveLimits(reader),
    failpoints: readFailpoints(reader, environment.NODE_ENV),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The environment, for the readers of what is no setting of a server. */
export const ENVIRONMENT: Readonly<Record<string, string | undefined>> = process.env;
