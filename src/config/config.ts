import { resolve } from "node:path";
import type { ArchiveLimits } from "../domain/limits.ts";
import { type ArmedFailpoint, type Failpoint, parseFailpoints } from "../runtime/failpoints.ts";
import type { LogLevel } from "../runtime/logger.ts";
import { isKeyName, type SignerKey } from "../tlog/note.ts";
import { collectSettings, type SettingProblem } from "./collect-settings.ts";
import { type PostgresConnection, parsePostgresConnection } from "./connection.ts";
import { readHost } from "./host.ts";
import { type JwtKeys, parseJwtKeys } from "./jwt-key.ts";
import { readLogKeySetting } from "./log-key.ts";
import { parseProxies } from "./proxies.ts";
import { type PublicAddress, readPublicUrl } from "./public-url.ts";
import { Secret } from "./secret.ts";
import { SettingReader } from "./setting-reader.ts";
import { type NameOf, SETTINGS } from "./settings.ts";
import { readStorage, type StorageConfig } from "./storage.ts";
import { readMetricsToken, readTraces, type TraceConfig } from "./telemetry.ts";
import { readWebhookHosts } from "./webhook-hosts.ts";
import { parseWitness, type WitnessAddress } from "./witnesses.ts";

/** The database of a registry. */
export type DatabaseConfig =
  | { readonly kind: "sqlite"; readonly path: string }
  | { readonly kind: "postgres"; readonly connection: PostgresConnection };

/** How much one account may publish within an hour. */
export interface PublishLimits {
  readonly newNamesPerHour: number;
  readonly versionsPerHour: number;
}

/** The checked configuration of a server. It can be printed: secrets print as `[redacted]`. */
export interface Config extends PublicAddress {
  readonly host: string;
  readonly port: number;
  /** How long a connection may be idle. */
  readonly idleTimeoutSeconds: number;
  readonly dataDir: string;
  readonly database: DatabaseConfig;
  readonly storage: StorageConfig;
  /** Undefined with SQLite if the key is created in `dataDir`. */
  readonly jwtKeys: Secret<JwtKeys> | undefined;
  readonly jwtIssuer: string;
  /** Exact origins, and `*` if every page may read. */
  readonly corsOrigins: readonly string[];
  readonly registration: "open" | "closed";
  /** How many registrations one client network may try in an hour. */
  readonly registrationsPerHour: number;
  /** Whether every change is refused. An operator may also do that while servers run. */
  readonly readOnly: boolean;
  /** Who may read packages. Health and the OpenAPI document are open to everyone. */
  readonly readAccess: "public" | "authenticated";
  /** How much one account may publish. Undefined for no limit. */
  readonly publishLimits: PublishLimits | undefined;
  /** How many downloads protect the name of a package against names that resemble it. */
  readonly similarNamesMinDownloads: number;
  /** How old a package must be before its name is protected like that. */
  readonly similarNamesMinAgeDays: number;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** The name of the transparency log. It counts only until the database has one. */
  readonly logOrigin: string;
  /** Undefined with SQLite if the key is created in `dataDir`. */
  readonly logKeys: Secret<readonly SignerKey[]> | undefined;
  /** The witnesses that are asked to cosign the log's checkpoints. */
  readonly logWitnesses: readonly WitnessAddress[];
  /** The name of the registry on its pages. */
  readonly siteTitle: string;
  /** What the registry is, on its first page. */
  readonly siteDescription: string;
  readonly logLevel: LogLevel;
  /** The bearer token of `/metrics`. Undefined if nobody may read them. */
  readonly metricsToken: Secret<string> | undefined;
  /** Where traces are sent. Undefined if none are. */
  readonly traces: TraceConfig | undefined;
  /** Hosts that webhooks may reach whatever their address is, as `URL.hostname` spells them. */
  readonly webhookAllowedHosts: readonly string[];
  /** The number of processes that share the port. */
  readonly workers: number;
  readonly archiveLimits: ArchiveLimits;
  /** Empty outside of tests. */
  readonly failpoints: ReadonlyMap<Failpoint, ArmedFailpoint>;
}

/** The settings make no valid configuration. `problems` holds every reason, not only the first. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";

  constructor(readonly problems: readonly SettingProblem[]) {
    super(problems.map((problem) => `${problem.setting}: ${problem.message}`).join("\n"));
  }
}

/** The name of the setting that names a Postgres database, valid or not. Undefined for SQLite. */
function connectionSetting(reader: SettingReader): NameOf<"text"> | undefined {
  const names = ["DATABASE_URL", "ConnectionStrings__DefaultConnection"] as const;
  return names.find((name) => reader.text(name) !== undefined);
}

/**
 * Reads which database the settings name. SQLite is in the data directory. Notes a problem in the
 * reader.
 */
export function readDatabase(reader: SettingReader, dataDir: string): DatabaseConfig {
  const sqlite: DatabaseConfig = { kind: "sqlite", path: resolve(dataDir, "registry.db") };
  const setting = connectionSetting(reader);
  if (setting === undefined) return sqlite;
  const connection = parsePostgresConnection(reader.text(setting) ?? "");
  if (typeof connection !== "string") return { kind: "postgres", connection };
  reader.reject(
    setting,
    "must be postgres://user:password@host:5432/database or Host=…;Database=…;Username=…;Password=…, " +
      `or left out for SQLite: ${connection}`,
  );
  return sqlite;
}

function readJwtKeys(reader: SettingReader, isRequired: boolean): Secret<JwtKeys> | undefined {
  const text = reader.text("JWT_KEY");
  if (text === undefined) {
    if (isRequired) {
      reader.reject(
        "JWT_KEY",
        "is required with Postgres, so that all servers sign with the same key. After a move from SQLite it is the content of " +
          "jwt.key. For a new registry, make one: openssl rand -base64 48",
      );
    }
    return undefined;
  }
  const parsed = parseJwtKeys(text);
  if ("keys" in parsed) return new Secret(parsed.keys);
  reader.reject("JWT_KEY", parsed.problem);
  return undefined;
}

/**
 * By default the public address without its scheme, then `/log`, as c2sp.org/tlog-tiles advises.
 */
function readLogOrigin(reader: SettingReader, publicUrl: string): string {
  const origin = reader.text("LOG_ORIGIN") ?? `${publicUrl.replace(/^https?:\/\//, "")}/log`;
  if (!isKeyName(origin))
    reader.reject("LOG_ORIGIN", "must be a name without spaces or +, such as cpm.example.org/log");
  return origin;
}

function readWitnesses(reader: SettingReader): WitnessAddress[] {
  return reader.list("LOG_WITNESSES").flatMap((text) => {
    const witness = parseWitness(text);
    if (witness !== undefined) return [witness];
    reader.reject(
      "LOG_WITNESSES",
      "must be a comma-separated list of <verifier key> <address>, as cpm-registry witness prints it",
    );
    return [];
  });
}

function readCorsOrigins(reader: SettingReader): readonly string[] {
  const origins = reader.list("CORS_ORIGINS");
  for (const origin of origins) {
    if (origin === "*" && reader.text("READ_ACCESS")?.toLowerCase() !== "authenticated") continue;
    const exact = /^https?:\/\/[^*]+$/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
    if (exact) continue;
    if (origin === "*") reader.reject("CORS_ORIGINS", "can be * only with READ_ACCESS=public. List exact origins");
    else reader.reject("CORS_ORIGINS", `${origin} is not an exact origin such as https://dashboard.example.org`);
  }
  return origins;
}

/** Only the kernel of Linux shares a port between processes. Each of them must know the port. */
function readWorkers(reader: SettingReader, port: number): number {
  const workers = reader.integer("WORKERS");
  if (workers > 1 && process.platform !== "linux")
    reader.reject("WORKERS", "must be 1 on this system: only Linux shares a port between processes");
  if (workers > 1 && port === 0) reader.reject("WORKERS", "must be 1 if PORT is 0. Set a PORT");
  return workers;
}

function readPublishLimits(reader: SettingReader): PublishLimits | undefined {
  const limits = {
    newNamesPerHour: reader.integer("PUBLISH_NEW_NAMES_PER_HOUR"),
    versionsPerHour: reader.integer("PUBLISH_VERSIONS_PER_HOUR"),
  };
  return reader.choice("PUBLISH_LIMITS") === "on" ? limits : undefined;
}

function readTrustedProxies(reader: SettingReader): readonly string[] {
  const proxies = reader.list("TRUSTED_PROXIES");
  if (parseProxies(proxies) === undefined) {
    reader.reject(
      "TRUSTED_PROXIES",
      "must be a comma-separated list of addresses and networks, such as 10.0.0.0/8,::1",
    );
  }
  return proxies;
}

/**
 * Failpoints damage a registry on purpose, so only tests may set them, and never in a compiled
 * program.
 */
function readFailpoints(reader: SettingReader, nodeEnv: string | undefined): Config["failpoints"] {
  const text = reader.text("FAILPOINTS");
  if (text === undefined) return new Map();
  const isCompiled = import.meta.path.startsWith("/$bunfs/") || import.meta.path.includes("~BUN");
  const armed = parseFailpoints(text);
  if (nodeEnv !== "test" || isCompiled)
    reader.reject("FAILPOINTS", "is only for the registry's own tests. Leave it out");
  else if (armed === undefined) reader.reject("FAILPOINTS", "must have the form publish.stored=kill@3,sync.file=skip");
  return armed ?? new Map();
}

function readArchiveLimits(reader: SettingReader): ArchiveLimits {
  return {
    compressedMaxBytes: reader.integer("ARCHIVE_MAX_BYTES"),
    unpackedMaxBytes: reader.integer("ARCHIVE_UNPACKED_MAX_BYTES"),
    entriesMax: reader.integer("ARCHIVE_ENTRIES_MAX"),
    manifestMaxBytes: reader.integer("MANIFEST_MAX_BYTES"),
  };
}

/**
 * Reads the configuration from the environment and from an optional JSON file (`--config`). The
 * environment takes precedence. With Postgres, keys are required unless the caller signs nothing.
 * Throws `ConfigError` with all problems at once, so that an operator fixes them in one go.
 */
export function readConfig(
  configFile?: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  signing: "signs" | "signs nothing" = "signs",
): Config {
  const problems: SettingProblem[] = [];
  const reader = new SettingReader(collectSettings(environment, configFile, problems), problems);
  const port = reader.integer("PORT");
  const dataDir = resolve(reader.text("DATA_DIR") ?? SETTINGS.DATA_DIR.default);
  const host = readHost(reader);
  const { publicUrl, followsHost } = readPublicUrl(reader, host, port);
  const logOrigin = readLogOrigin(reader, publicUrl);
  const needsKeys = signing === "signs" && connectionSetting(reader) !== undefined;
  const config: Config = {
    host,
    port,
    idleTimeoutSeconds: reader.integer("IDLE_TIMEOUT_SECONDS"),
    publicUrl,
    followsHost,
    dataDir,
    database: readDatabase(reader, dataDir),
    storage: readStorage(reader, dataDir, environment),
    jwtKeys: readJwtKeys(reader, needsKeys),
    jwtIssuer: reader.text("JWT_ISSUER") ?? SETTINGS.JWT_ISSUER.default,
    corsOrigins: readCorsOrigins(reader),
    registration: reader.choice("REGISTRATION"),
    registrationsPerHour: reader.integer("REGISTRATIONS_PER_HOUR"),
    readOnly: reader.flag("READ_ONLY", SETTINGS.READ_ONLY.default),
    readAccess: reader.choice("READ_ACCESS"),
    publishLimits: readPublishLimits(reader),
    similarNamesMinDownloads: reader.integer("SIMILAR_NAMES_MIN_DOWNLOADS"),
    similarNamesMinAgeDays: reader.integer("SIMILAR_NAMES_MIN_AGE_DAYS"),
    trustedProxies: readTrustedProxies(reader),
    logOrigin,
    logKeys: readLogKeySetting(reader, logOrigin, needsKeys),
    logWitnesses: readWitnesses(reader),
    siteTitle: reader.text("SITE_TITLE") ?? SETTINGS.SITE_TITLE.default,
    siteDescription: reader.text("SITE_DESCRIPTION") ?? SETTINGS.SITE_DESCRIPTION.default,
    logLevel: reader.choice("LOG_LEVEL"),
    metricsToken: readMetricsToken(reader),
    traces: readTraces(reader),
    webhookAllowedHosts: readWebhookHosts(reader),
    workers: readWorkers(reader, port),
    archiveLimits: readArchiveLimits(reader),
    failpoints: readFailpoints(reader, environment.NODE_ENV),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** The environment, for readers of variables that are not settings of a server. */
export const ENVIRONMENT: Readonly<Record<string, string | undefined>> = process.env;
