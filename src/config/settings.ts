import { COMPRESSED_HARD_MAX_BYTES, DEFAULT_ARCHIVE_LIMITS } from "../domain/limits.ts";
import { LOG_LEVELS } from "../runtime/logger.ts";
import { TELEMETRY, WEBHOOKS } from "./outgoing-settings.ts";
import type { Setting } from "./setting.ts";
import { DATABASE, STORAGE } from "./storage-settings.ts";

const { compressedMaxBytes, unpackedMaxBytes, entriesMax, manifestMaxBytes } = DEFAULT_ARCHIVE_LIMITS;

const SERVER = {
  PORT: {
    group: "Server",
    type: "integer",
    default: 5000,
    min: 0,
    max: 65_535,
    description: "The port to listen on. The Docker image sets 80. `0` takes a free port",
  },
  HOST: {
    group: "Server",
    type: "text",
    default: "0.0.0.0",
    description:
      "The address to listen on: an IPv4 or IPv6 address, or a name of this machine. `0.0.0.0` means every IPv4 address, `::` every address of the machine",
  },
  PUBLIC_URL: {
    group: "Server",
    type: "text",
    defaultText: "`http://localhost:<PORT>`",
    description:
      "The address under which clients reach the registry. Links use it. It may have a path prefix. If it is not set and `HOST` is not loopback, links have the address that the client used, with `http`",
  },
  IDLE_TIMEOUT_SECONDS: {
    group: "Server",
    type: "integer",
    default: 75,
    min: 12,
    max: 240,
    description:
      "How long a connection may be idle between two requests. It must be longer than the idle timeout of your load balancer or proxy, which otherwise sends a request on a connection that closes. It is measured in steps of 4 seconds",
  },
  TRUSTED_PROXIES: {
    group: "Server",
    type: "list",
    description:
      "Addresses and networks of your proxies, such as `127.0.0.1, 10.0.0.0/8`. Only their `X-Forwarded-For` is believed; set it behind a proxy, because limits of failed logins and registrations count per client address",
  },
  CORS_ORIGINS: {
    group: "Server",
    type: "list",
    description:
      "Exact origins of web pages that may call the API, such as `https://dashboard.example.org`. `*` lets every page read a public registry, without credentials",
  },
  WORKERS: {
    group: "Server",
    type: "integer",
    default: 1,
    min: 1,
    max: 64,
    description: "The number of processes that share the port. More than 1 needs Linux; use one for each core",
  },
  READ_ONLY: {
    group: "Server",
    type: "flag",
    default: false,
    description:
      "Refuses every change and every login, while reads go on. To do that to all servers at once and without a restart, run `cpm-registry admin read-only on`",
  },
  LOG_LEVEL: {
    group: "Server",
    type: "choice",
    default: "warn",
    choices: LOG_LEVELS,
    description: "What the server logs on standard error. `info` adds a line for each request",
  },
  DATA_DIR: {
    group: "Server",
    type: "text",
    default: "App_Data",
    description:
      "The directory of the SQLite database, of `jwt.key` and `log.key`, of `packages/`, where archives and unfinished uploads are stored, and of `log/`, the log as static files",
  },
} as const satisfies Record<string, Setting>;

const ACCOUNTS = {
  JWT_KEY: {
    group: "Sessions and accounts",
    type: "text",
    secret: true,
    defaultText: "with SQLite, `jwt.key` in `DATA_DIR`, created at the first start",
    description:
      "Signs sessions, and encrypts the secrets of webhooks. At least 32 bytes: `openssl rand -base64 48`. Required with Postgres, so that all servers sign with the same key. To replace it without ending sessions or webhooks, set the new key and the old one with a space between them",
  },
  JWT_ISSUER: {
    group: "Sessions and accounts",
    type: "text",
    default: "cpm-registry",
    description: "The issuer named in sessions. A session of another issuer is refused",
  },
  REGISTRATION: {
    group: "Sessions and accounts",
    type: "choice",
    default: "open",
    choices: ["open", "closed"],
    description:
      "Who may create an account: everyone, or only the operator with `cpm-registry admin create`, and whoever has an invitation",
  },
  REGISTRATIONS_PER_HOUR: {
    group: "Sessions and accounts",
    type: "integer",
    default: 20,
    min: 1,
    max: 1_000_000,
    description:
      "Registrations from one client address in an hour, also those that are refused. A /48 of IPv6 counts as one",
  },
  READ_ACCESS: {
    group: "Sessions and accounts",
    type: "choice",
    default: "public",
    choices: ["public", "authenticated"],
    description:
      "Who may read packages: everyone, or only accounts. `/health` and `/swagger` are always open, `/metrics` to `METRICS_TOKEN`",
  },
} as const satisfies Record<string, Setting>;

const PUBLISHING = {
  PUBLISH_LIMITS: {
    group: "Publishing",
    type: "choice",
    default: "on",
    choices: ["on", "off"],
    description: "`off` lets accounts publish without the two limits below",
  },
  PUBLISH_NEW_NAMES_PER_HOUR: {
    group: "Publishing",
    type: "integer",
    default: 120,
    min: 1,
    max: 1_000_000,
    description: "New packages of one account in any hour",
  },
  PUBLISH_VERSIONS_PER_HOUR: {
    group: "Publishing",
    type: "integer",
    default: 1_200,
    min: 1,
    max: 1_000_000,
    description: "Versions of one account in any hour",
  },
  SIMILAR_NAMES_MIN_DOWNLOADS: {
    group: "Publishing",
    type: "integer",
    default: 100,
    min: 0,
    max: 1_000_000_000,
    description:
      "Names that resemble a package with at least so many downloads are refused to other accounts. A download counts once per client network, version and hour",
  },
  SIMILAR_NAMES_MIN_AGE_DAYS: {
    group: "Publishing",
    type: "integer",
    default: 7,
    min: 0,
    max: 3_650,
    description: "Only the name of a package that is at least so old is protected against names that resemble it",
  },
} as const satisfies Record<string, Setting>;

const ARCHIVES = {
  ARCHIVE_MAX_BYTES: {
    group: "Limits of archives",
    type: "integer",
    default: compressedMaxBytes,
    min: 1,
    max: COMPRESSED_HARD_MAX_BYTES,
    description: "The size of an upload",
  },
  ARCHIVE_UNPACKED_MAX_BYTES: {
    group: "Limits of archives",
    type: "integer",
    default: unpackedMaxBytes,
    min: 1,
    max: unpackedMaxBytes,
    description: "The size of the unpacked tar. It can only be lowered",
  },
  ARCHIVE_ENTRIES_MAX: {
    group: "Limits of archives",
    type: "integer",
    default: entriesMax,
    min: 1,
    max: entriesMax,
    description: "The number of files and directories. It can only be lowered",
  },
  MANIFEST_MAX_BYTES: {
    group: "Limits of archives",
    type: "integer",
    default: manifestMaxBytes,
    min: 1,
    max: manifestMaxBytes,
    description: "The size of `colony.yaml`. It can only be lowered",
  },
} as const satisfies Record<string, Setting>;

const LOG = {
  LOG_SIGNING_KEY: {
    group: "Transparency log",
    type: "text",
    secret: true,
    defaultText: "with SQLite, `log.key` in `DATA_DIR`, created at the first start",
    description:
      "Signs the log. Make one with `cpm-registry log make-key <origin>`. Required with Postgres, so that all servers sign with the same key. After `log rotate-key`, both keys with a space between them",
  },
  LOG_ORIGIN: {
    group: "Transparency log",
    type: "text",
    defaultText: "`PUBLIC_URL` without its scheme, then `/log`",
    description: "The name of the log. It counts until the log has a leaf; then the log keeps its name",
  },
  LOG_WITNESSES: {
    group: "Transparency log",
    type: "list",
    description:
      "Witnesses that cosign the log, each as `<verifier key> <address>`, as `cpm-registry witness` prints it",
  },
} as const satisfies Record<string, Setting>;

const WEB_PAGE = {
  SITE_TITLE: {
    group: "Web page",
    type: "text",
    default: "CPM registry",
    description: "The name of the registry at the head of its pages",
  },
  SITE_DESCRIPTION: {
    group: "Web page",
    type: "text",
    default: "Packages for ColonyOS, each signed by its publisher and committed to a public log.",
    description: "One or two sentences on the first page: what this registry is, for whom, whom to ask",
  },
} as const satisfies Record<string, Setting>;

const TESTS = {
  FAILPOINTS: { group: "Tests", type: "text", description: "Only for the registry's own tests. Leave it out" },
} as const satisfies Record<string, Setting>;

/**
 * Every setting of the registry by its name: its type, default and limits, and its documentation.
 */
export const SETTINGS = {
  ...SERVER,
  ...DATABASE,
  ...STORAGE,
  ...ACCOUNTS,
  ...PUBLISHING,
  ...ARCHIVES,
  ...LOG,
  ...TELEMETRY,
  ...WEBHOOKS,
  ...WEB_PAGE,
  ...TESTS,
} as const;

/** The name of a setting in its canonical spelling. */
export type SettingName = keyof typeof SETTINGS;

/** The names of the settings of one type. */
export type NameOf<Type extends Setting["type"]> = {
  [Name in SettingName]: (typeof SETTINGS)[Name]["type"] extends Type ? Name : never;
}[SettingName];

/** The values that a setting of type `choice` can have. */
export type ChoiceOf<Name extends NameOf<"choice">> = (typeof SETTINGS)[Name]["choices"][number];
