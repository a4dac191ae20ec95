import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { inspect } from "node:util";
import { ignoredSectionsText } from "../../src/config/collect-settings.ts";
import { type Config, ConfigError, readConfig } from "../../src/config/config.ts";
import { parsePostgresConnection } from "../../src/config/connection.ts";
import { jwtKeyProblem, readOrMakeJwtKeys } from "../../src/config/jwt-key.ts";
import { Secret } from "../../src/config/secret.ts";
import { COSIGNATURE, formatSignerKey, formatVerifierKey, parseSignerKey, verifierOf } from "../../src/tlog/note.ts";
import { TEST_LOG_KEY } from "../support/registry.ts";

const KEY = "Qm7vXk2RzT9wLp4NsYc8HdJfGeUaBo3V-tests-only";
/** The verifier key of a witness, as `cpm-registry witness` prints it. */
const WITNESS = (() => {
  const signer = parseSignerKey(formatSignerKey("witness.test/w", Buffer.alloc(32, 1), COSIGNATURE));
  return signer === undefined ? "" : formatVerifierKey(verifierOf(signer));
})();
/** The settings that Postgres requires in addition to the database. */
const KEYS = { JWT_KEY: KEY, LOG_SIGNING_KEY: TEST_LOG_KEY };
const POSTGRES = "postgres://cpm:secret@db.example.org/registry";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "cpm-config-test-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

type Environment = Readonly<Record<string, string>>;

/** Writes a `--config` file with this JSON value, or with exactly this text. */
function configFile(content: object | string): string {
  const path = join(directory, `${crypto.randomUUID()}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function fromFile(content: object | string, environment: Environment = {}): Config {
  return readConfig(configFile(content), environment);
}

/** The problems of wrong settings, as `[setting, message]`. */
function problemsOf(environment: Environment, file?: object | string): [string, string][] {
  try {
    readConfig(file === undefined ? undefined : configFile(file), environment);
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.problems.map(({ setting, message }) => [setting, message]);
    throw cause;
  }
  return [];
}

function refused(environment: Environment, file?: object | string): string[] {
  return problemsOf(environment, file).map(([setting]) => setting);
}

describe("defaults", () => {
  test("an empty environment configures SQLite and files in App_Data", () => {
    expect(readConfig(undefined, {})).toEqual({
      host: "0.0.0.0",
      port: 5000,
      idleTimeoutSeconds: 75,
      publicUrl: "http://localhost:5000",
      followsHost: true,
      dataDir: resolve("App_Data"),
      database: { kind: "sqlite", path: resolve("App_Data/registry.db") },
      jwtKeys: undefined,
      jwtIssuer: "cpm-registry",
      corsOrigins: [],
      registration: "open",
      registrationsPerHour: 20,
      readOnly: false,
      readAccess: "public",
      publishLimits: { newNamesPerHour: 120, versionsPerHour: 1200 },
      similarNamesMinDownloads: 100,
      similarNamesMinAgeDays: 7,
      trustedProxies: [],
      logOrigin: "localhost:5000/log",
      logKeys: undefined,
      logWitnesses: [],
      siteTitle: "CPM registry",
      siteDescription: "Packages for ColonyOS, each signed by its publisher and committed to a public log.",
      logLevel: "warn",
      metricsToken: undefined,
      traces: undefined,
      webhookAllowedHosts: [],
      workers: 1,
      storage: { kind: "files", directory: resolve("App_Data/packages") },
      failpoints: new Map(),
      archiveLimits: {
        compressedMaxBytes: 20 * 1024 ** 2,
        unpackedMaxBytes: 128 * 1024 ** 2,
        entriesMax: 10_000,
        manifestMaxBytes: 256 * 1024,
      },
    });
  });

  test("an empty text counts as not set, in the environment and in the file", () => {
    expect(readConfig(undefined, { PORT: "", DATABASE_URL: "", CORS_ORIGINS: "" })).toEqual(readConfig(undefined, {}));
    expect(fromFile({ Port: "", DatabaseUrl: null }, {})).toEqual(readConfig(undefined, {}));
    expect(fromFile({ Port: 8080 }, { PORT: "" }).port).toBe(8080);
  });
});

describe("single settings", () => {
  const taken: [string, string, (config: Config) => unknown, unknown][] = [
    ["PORT", "8080", (config) => config.port, 8080],
    ["PORT", "0", (config) => config.port, 0],
    ["HOST", "127.0.0.1", (config) => config.host, "127.0.0.1"],
    ["IDLE_TIMEOUT_SECONDS", "120", (config) => config.idleTimeoutSeconds, 120],
    ["DATA_DIR", "/var/lib/cpm", (config) => config.database, { kind: "sqlite", path: "/var/lib/cpm/registry.db" }],
    ["DATA_DIR", "here", (config) => config.dataDir, resolve("here")],
    ["STORAGE_TYPE", "filesystem", () => "started", "started"],
    ["STORAGE_BUCKET_NAME", "bucket", () => "started", "started"],
    ["STORAGE_ACCESS_KEY", "access", () => "started", "started"],
    ["STORAGE_SECRET_KEY", "secret", () => "started", "started"],
    ["STORAGE_ENDPOINT", "http://localhost:9000", () => "started", "started"],
    ["STORAGE_REGION", "eu-central-1", () => "started", "started"],
    ["STORAGE_REDIRECT", "true", () => "started", "started"],
    ["JWT_ISSUER", "cpm.example.org", (config) => config.jwtIssuer, "cpm.example.org"],
    ["REGISTRATION", "Closed", (config) => config.registration, "closed"],
    ["READ_ACCESS", "authenticated", (config) => config.readAccess, "authenticated"],
    ["PUBLISH_LIMITS", "off", () => "started", "started"],
    ["LOG_ORIGIN", "cpm.example.org/log", () => "started", "started"],
    ["LOG_SIGNING_KEY", TEST_LOG_KEY, ({ logKeys }) => logKeys?.reveal()[0]?.name, "registry.test/log"],
    [
      "LOG_WITNESSES",
      `${WITNESS} https://w.example.org/`,
      ({ logWitnesses }) => logWitnesses[0]?.url,
      "https://w.example.org",
    ],
    ["LOG_LEVEL", "INFO", (config) => config.logLevel, "info"],
    ["LOG_LEVEL", "silent", (config) => config.logLevel, "silent"],
    ["METRICS_TOKEN", "sixteen-or-more!", ({ metricsToken }) => metricsToken?.reveal(), "sixteen-or-more!"],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/", ({ traces }) => traces?.endpoint, "http://c:4318"],
    ["OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20x", () => "started", "started"],
    ["OTEL_TRACES_SAMPLER_ARG", "0.25", () => "started", "started"],
    [
      "WEBHOOK_ALLOWED_HOSTS",
      "CI.internal., 10.0.0.5, fd00::5, 0x7f.1",
      ({ webhookAllowedHosts }) => webhookAllowedHosts,
      ["ci.internal", "10.0.0.5", "fd00::5", "127.0.0.1"],
    ],
    ["WORKERS", "2", (config) => config.workers, 2],
  ];
  test.each(taken)("%s=%s is read from the environment and from the file", (name, text, read, expected) => {
    expect(read(readConfig(undefined, { [name]: text }))).toEqual(expected);
    expect(read(fromFile({ [name]: text }))).toEqual(expected);
  });

  const wrong: [string, string, RegExp][] = [
    ["METRICS_TOKEN", "fifteen-letters", /16 to 1000 visible/],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", /address of a collector/],
    ["OTEL_EXPORTER_OTLP_HEADERS", "Bearer x", /<name>=<value>/],
    ["OTEL_TRACES_SAMPLER_ARG", "1.5", /from 0 to 1/],
    ["METRICS_TOKEN", "sixteen or more!", /openssl rand/],
    ["PORT", "65536", /whole number from 0 to 65535/],
    ["PORT", "-1", /whole number/],
    ["PORT", "80.5", /whole number/],
    ["PORT", "0x50", /whole number/],
    ["PORT", "five thousand", /whole number/],
    ["STORAGE_TYPE", "Floppy", /one of FileSystem, S3/],
    ["REGISTRATION", "maybe", /one of open, closed/],
    ["READ_ACCESS", "nobody", /one of public, authenticated/],
    ["PUBLISH_LIMITS", "none", /one of on, off/],
    ["LOG_LEVEL", "debug", /one of info, warn, error, silent/],
    ["WORKERS", "65", /whole number from 1/],
    ["WORKERS", "0", /whole number from 1/],
  ];
  test.each(wrong)("%s=%s is refused", (name, text, message) => {
    expect(problemsOf({ [name]: text })).toEqual([[name, expect.stringMatching(message)]]);
  });
});

describe("the file", () => {
  const spellings: [string, object][] = [
    ["PUBLIC_URL", { PUBLIC_URL: "https://cpm.example.org" }],
    ["public_url", { public_url: "https://cpm.example.org" }],
    ["PublicUrl", { PublicUrl: "https://cpm.example.org" }],
    ["Public__Url", { Public__Url: "https://cpm.example.org" }],
    ["Public:Url", { "Public:Url": "https://cpm.example.org" }],
    ["{Public: {Url}}", { Public: { Url: "https://cpm.example.org" } }],
  ];
  test.each(spellings)("%s is PUBLIC_URL", (_spelling, content) => {
    expect(fromFile(content).publicUrl).toBe("https://cpm.example.org");
  });

  test("every spelling of the storage settings is known, nested objects too", () => {
    expect(refused({ Storage__BucketName: "b", storage_bucket_name: "b" })).toEqual([]);
    expect(refused({}, { storage_bucket_name: "b" })).toEqual([]);
    expect(
      refused(
        {},
        {
          Storage: {
            Type: "FileSystem",
            BucketName: "b",
            AccessKey: "a",
            SecretKey: "s",
            Endpoint: "https://e.example",
            Region: "r",
            Redirect: true,
            SessionToken: "t",
            PathStyle: false,
            KeyPrefix: "p",
            TimeoutMs: 5000,
          },
        },
      ),
    ).toEqual([]);
    const needed = ["STORAGE_BUCKET_NAME"];
    expect(refused({ Storage__Type: "S3" })).toEqual(needed);
    expect(refused({}, { Storage: { Type: "S3" } })).toEqual(needed);
  });

  test("JSON numbers are read, and JSON arrays for comma-separated lists", () => {
    const config = fromFile({ Port: 8080, Cors: { Origins: ["https://a.example", "https://b.example"] } });
    expect(config.port).toBe(8080);
    expect(config.corsOrigins).toEqual(["https://a.example", "https://b.example"]);
  });

  test("the environment takes precedence over the file in any spelling", () => {
    expect(fromFile({ Port: 8080, Host: "10.0.0.1" }, { port: "9090" })).toMatchObject({
      port: 9090,
      host: "10.0.0.1",
    });
  });

  test("a database in the environment takes precedence over one in the file under the other name", () => {
    const environment = { ConnectionStrings__DefaultConnection: "Host=outer;Database=cpm", ...KEYS };
    const { database } = fromFile({ DATABASE_URL: POSTGRES }, environment);
    expect(database).toMatchObject({ kind: "postgres", connection: { host: "outer" } });
  });

  test("two spellings that disagree are refused, and so are both names of the database together", () => {
    expect(problemsOf({}, { Port: 1, PORT: 2 })).toEqual([["PORT", expect.stringContaining("two spellings")]]);
    expect(problemsOf({ DATA_DIR: "a", Data__Dir: "b" })).toEqual([
      ["DATA_DIR", expect.stringContaining("two spellings")],
    ]);
    expect(
      refused({ DATABASE_URL: POSTGRES, ConnectionStrings__DefaultConnection: "Host=a;Database=b", ...KEYS }),
    ).toEqual(["DATABASE_URL and ConnectionStrings__DefaultConnection"]);
  });

  test("an unknown name is refused in the file, but not in the environment", () => {
    expect(problemsOf({ PROT: "1" }, { Prot: 1, Storage: { Bucket: "b" } })).toEqual([
      ["Prot", expect.stringContaining("is not a setting")],
      ["Storage__Bucket", expect.stringContaining("is not a setting")],
    ]);
  });

  test("the usual sections of appsettings.json are ignored, and named in a line", () => {
    const file = { Logging: { LogLevel: { Default: "Debug" } }, AllowedHosts: "*", Port: 8080 };
    expect(fromFile(file, {})).toEqual(readConfig(undefined, { PORT: "8080" }));
    expect(ignoredSectionsText(configFile(file))).toMatch(/^\S+: Logging, AllowedHosts are not settings/);
    expect(ignoredSectionsText(configFile({ Port: 8080 }))).toBeUndefined();
    expect(ignoredSectionsText(undefined)).toBeUndefined();
    expect(() => fromFile({ Loging: {}, Kestrel: { Limits: 1 } }, {})).toThrow("Kestrel__Limits");
  });

  test("a byte order mark is accepted; a file that is missing, not JSON or not an object is refused", () => {
    expect(fromFile('\uFEFF{"Port": 8080}').port).toBe(8080);
    expect(problemsOf({}, '{"Port": ')).toEqual([["--config", expect.stringContaining("not valid JSON")]]);
    expect(problemsOf({}, "[1]")).toEqual([["--config", expect.stringContaining("one JSON object")]]);
    expect(() => readConfig(join(directory, "missing.json"), {})).toThrow("cannot be read");
  });
});

test("all problems of environment and file are reported at once", () => {
  const environment = {
    PORT: "x",
    DATABASE_URL: "mysql://db",
    STORAGE_TYPE: "S3",
    READ_ACCESS: "nobody",
    WORKERS: "0",
    CORS_ORIGINS: "*.example",
    PUBLIC_URL: "cpm.example.org",
    ARCHIVE_MAX_BYTES: "0",
  };
  expect(refused(environment, { Prot: 1, LogLevel: "loud" }).sort()).toEqual([
    "ARCHIVE_MAX_BYTES",
    "CORS_ORIGINS",
    "DATABASE_URL",
    "JWT_KEY",
    "LOG_LEVEL",
    "LOG_SIGNING_KEY",
    "PORT",
    "PUBLIC_URL",
    "Prot",
    "READ_ACCESS",
    "STORAGE_BUCKET_NAME",
    "WORKERS",
  ]);
});

describe("S3", () => {
  const BUCKET = {
    STORAGE_TYPE: "S3",
    STORAGE_BUCKET_NAME: "packages",
    STORAGE_ACCESS_KEY: "access",
    STORAGE_SECRET_KEY: "hunter2-secret",
  };
  const storageOf = (more: Environment) => {
    const { storage } = readConfig(undefined, { ...BUCKET, ...more });
    if (storage.kind !== "s3") throw new Error("not S3");
    return storage;
  };

  test("without an endpoint, the bucket is in the host name of AWS", () => {
    const { endpoint, region, pathStyle, keyPrefix, redirect, timeoutMs } = storageOf({ STORAGE_REGION: "eu-west-1" });
    expect([endpoint, region, pathStyle]).toEqual(["https://packages.s3.eu-west-1.amazonaws.com", "eu-west-1", false]);
    expect([keyPrefix, redirect, timeoutMs]).toEqual(["", false, 10_000]);
  });

  test("with an endpoint, the bucket is in the path unless STORAGE_PATH_STYLE is false", () => {
    const STORAGE_ENDPOINT = "http://localhost:9000/";
    expect(storageOf({ STORAGE_ENDPOINT })).toMatchObject({ endpoint: "http://localhost:9000", pathStyle: true });
    expect(storageOf({ STORAGE_ENDPOINT, STORAGE_PATH_STYLE: "false" })).toMatchObject({
      endpoint: "http://packages.localhost:9000",
      pathStyle: false,
    });
  });

  test("every spelling of a key prefix ends in one slash", () => {
    for (const text of ["a/b", "/a/b", "a/b//", "/a/b/"]) {
      expect(storageOf({ STORAGE_KEY_PREFIX: text }).keyPrefix).toBe("a/b/");
    }
  });

  test("secrets are not printed with a configuration", () => {
    const config = readConfig(undefined, { ...BUCKET, STORAGE_SESSION_TOKEN: "hunter2-token" });
    expect(JSON.stringify(config) + Bun.inspect(config)).not.toContain("hunter2");
  });

  const wrong: [string, string, RegExp][] = [
    ["STORAGE_BUCKET_NAME", "No_Bucket", /lower-case letters/],
    ["STORAGE_ENDPOINT", "localhost:9000", /http/],
    ["STORAGE_ENDPOINT", "https://user:pass@localhost", /http/],
    ["STORAGE_ENDPOINT", "https://host/path", /without a path/],
    ["STORAGE_KEY_PREFIX", "a/../b", /letters/],
    ["STORAGE_KEY_PREFIX", "a b", /letters/],
    ["STORAGE_PATH_STYLE", "maybe", /true, false/],
    ["STORAGE_REDIRECT", "yes", /true, false/],
    ["STORAGE_TIMEOUT_MS", "0", /whole number/],
  ];
  test.each(wrong)("%s=%s is refused", (name, text, message) => {
    expect(problemsOf({ ...BUCKET, [name]: text })).toEqual([[name, expect.stringMatching(message)]]);
  });

  test("a session token in the environment that Bun would use is refused unless STORAGE_SESSION_TOKEN is set", () => {
    const foreign = { ...BUCKET, AWS_SESSION_TOKEN: "hunter2" };
    expect(problemsOf(foreign)).toEqual([["STORAGE_SESSION_TOKEN", expect.stringContaining("AWS_SESSION_TOKEN")]]);
    const { credentials } = storageOf({ ...foreign, STORAGE_SESSION_TOKEN: "ours" });
    expect(credentials.kind === "static" && credentials.sessionToken?.reveal()).toBe("ours");
  });
});

describe("FAILPOINTS", () => {
  const FAILPOINTS = "publish.stored=kill@3,sync.file=skip";

  test("FAILPOINTS arm a registry under test", () => {
    expect([...readConfig(undefined, { FAILPOINTS, NODE_ENV: "test" }).failpoints]).toEqual([
      ["publish.stored", { action: "kill", atHit: 3 }],
      ["sync.file", { action: "skip", atHit: 1 }],
    ]);
  });

  test("FAILPOINTS are refused outside of tests, and if they name no failpoint", () => {
    expect(problemsOf({ FAILPOINTS })).toEqual([["FAILPOINTS", expect.stringContaining("own tests")]]);
    expect(problemsOf({ FAILPOINTS, NODE_ENV: "production" })).toHaveLength(1);
    expect(problemsOf({ FAILPOINTS: "publish=kill", NODE_ENV: "test" })).toEqual([
      ["FAILPOINTS", expect.stringContaining("form")],
    ]);
  });
});

describe("JWT_KEY", () => {
  test("JWT_KEY accepts 32 bytes and more, and no message repeats it", () => {
    expect(readConfig(undefined, { JWT_KEY: KEY }).jwtKeys?.reveal()).toEqual([KEY]);
    expect(jwtKeyProblem("äöüßéèêëçñ-xyzXYZ24680")).toBeUndefined();
    const [problem] = problemsOf({ JWT_KEY: "hunter2-is-short" });
    expect(problem).toEqual(["JWT_KEY", expect.stringContaining("at least 32 bytes")]);
    expect(problem?.[1]).not.toContain("hunter2");
  });

  test("JWT_KEY may hold a new and an old key, a key with spaces stays one, and a third key is refused", () => {
    const keysOf = (text: string) => readConfig(undefined, { JWT_KEY: text }).jwtKeys?.reveal();
    const [first, second] = [`${KEY}-1`, `${KEY}-2`];
    expect(keysOf(`${first}  ${second}\n`)).toEqual([first, second]);
    expect(keysOf("four words make one long jwt key")).toEqual(["four words make one long jwt key"]);
    expect(problemsOf({ JWT_KEY: `${first} ${second} ${KEY}` })).toEqual([
      ["JWT_KEY", expect.stringContaining("two keys")],
    ]);
    const sample = problemsOf({ JWT_KEY: `${first} ${"a".repeat(40)}` });
    expect(sample).toEqual([["JWT_KEY", expect.stringContaining("too simple")]]);
  });

  test.each([
    "your-256-bit-secret-your-256-bit-secret",
    "YourSuperSecretKeyThatShouldBeLongEnough!",
    "ChangeMe-ChangeMe-ChangeMe-ChangeMe-1",
    "01234567890123456789012345678901",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababababababababababababab",
  ])("JWT_KEY refuses the well-known sample %s", (sample) => {
    expect(problemsOf({ JWT_KEY: sample })).toEqual([["JWT_KEY", expect.stringContaining("well-known sample")]]);
  });

  test("JWT_KEY is required with Postgres under either of its names, and not with SQLite", () => {
    expect(refused({ DATABASE_URL: POSTGRES })).toEqual(["JWT_KEY", "LOG_SIGNING_KEY"]);
    expect(refused({ ConnectionStrings__DefaultConnection: "Host=db;Database=cpm" })).toEqual([
      "JWT_KEY",
      "LOG_SIGNING_KEY",
    ]);
    expect(refused({})).toEqual([]);
  });
});

describe("connection strings", () => {
  const parsed = (text: string) => {
    const connection = parsePostgresConnection(text);
    if (typeof connection === "string") return undefined;
    return { ...connection, password: connection.password.reveal() };
  };

  test("a URL with percent-encoded characters is read", () => {
    expect(parsed("postgres://cp%40m:p%3Aa%2Fs%25s@db.example.org:6432/my%20db?sslmode=verify-full")).toEqual({
      host: "db.example.org",
      port: 6432,
      database: "my db",
      username: "cp@m",
      password: "p:a/s%s",
      tls: "verify",
    });
  });

  test("a URL with only host and database is read, and one with an IPv6 address", () => {
    const rest = { port: 5432, database: "cpm", username: "postgres", password: "", tls: "prefer" };
    expect(parsed("postgresql://db/cpm")).toMatchObject({ host: "db", ...rest });
    expect(parsed("POSTGRES://[::1]/cpm")).toMatchObject({ host: "::1", ...rest });
  });

  test("the .NET form is read with quoted values, empty parts, and in any case and order", () => {
    const expected = { host: "db", port: 6432, database: "cpm", username: "me", password: "a;b", tls: "require" };
    expect(parsed('Host=db;Port=6432;Database=cpm;Username=me;Password="a;b";SSL Mode=Require')).toMatchObject(
      expected,
    );
    expect(parsed(" password = 'a;b' ; SERVER=db;; User Id=me; sslmode=require;database=cpm; port=6432 ;; ")).toEqual(
      parsed('Host=db;Port=6432;Database=cpm;Username=me;Password="a;b";SSL Mode=Require'),
    );
  });

  test.each([
    ["Password=a=b", "a=b"],
    ["Password=", ""],
    ['Password="say ""hi"""', 'say "hi"'],
    ["Password='it''s'", "it's"],
    ['Password=in"side', 'in"side'],
    ["Pwd=x", "x"],
  ])("the password in %s is read", (part, password) => {
    expect(parsed(`Host=db;Database=cpm;${part}`)?.password).toBe(password);
  });

  test.each([
    ["disable", "off"],
    ["Prefer", "prefer"],
    ["Require", "require"],
    ["VerifyCA", "verify"],
    ["verify-full", "verify"],
  ])("SSL Mode=%s is read in both forms", (mode, tls) => {
    expect(parsed(`Host=db;Database=cpm;SSL Mode=${mode}`)?.tls as string).toBe(tls);
    expect(parsed(`postgres://db/cpm?sslmode=${mode}`)?.tls as string).toBe(tls);
  });

  test.each([
    "mysql://db/cpm",
    "postgres://db",
    "postgres:///cpm",
    "postgres://u:100%@db/cpm",
    "postgres://u:%ff@db/cpm",
    "postgres://db:0/cpm",
    "postgres://db/cpm?sslmode=constructor",
    "Host=db",
    "Database=cpm",
    "Host=db;Database=cpm;Port=70000",
    "Host=db;Database=cpm;Port=0x10",
    "Host=db;Database=cpm;SSL Mode=maybe",
    'Host=db;Database=cpm;Password="open',
    'Host=db;Database=cpm;Password="a"b',
    "Host=db;Database=cpm;Password",
    "registry.db",
  ])("the connection string %s is refused with one message that does not repeat it", (text) => {
    expect(parsePostgresConnection(text)).toBeString();
    const problems = problemsOf({ DATABASE_URL: text, ...KEYS });
    expect(problems).toEqual([["DATABASE_URL", expect.stringMatching(/^must be postgres:\/\//)]]);
    expect(problems[0]?.[1]).not.toContain(text);
  });
});

describe("a mistake in DATABASE_URL", () => {
  const AT = "an @ in the user name or password must be written as %40";
  const SPECIAL = "the characters @ / ? # in the user name or password must be written as %40 %2F %3F %23";
  test.each([
    ["postgres://cpm:se@cret@db/cpm", AT],
    ["postgres://me@corp:secret@db:5432/cpm", AT],
    ["postgres://cpm:se@cr/et@db/cpm", SPECIAL],
    ["postgres://cpm:12/secret@db/cpm", SPECIAL],
    ["postgres://cpm:se?cret@db/cpm", SPECIAL],
    ["postgres://cpm:se@cr?et@db/cpm", SPECIAL],
    ["postgres://cpm:se#cret@db/cpm", SPECIAL],
    ["postgres://cpm:secret%@db/cpm", "a % in the user name or password must be written as %25"],
    ["postgres://cpm:secret@db", "it names no database"],
    ["postgres://cpm:secret@db:pg/cpm", "its port is not a number from 1 to 65535"],
    ["postgres://cpm:secret@db:65536/cpm", "its port is not a number from 1 to 65535"],
    ["postgres://cpm:secret@/cpm", "it names no host"],
    [
      "postgres://db/cpm?sslmode=secret",
      "its sslmode is not one of disable, allow, prefer, require, verify-ca or verify-full",
    ],
    ["mysql://cpm:secret@db/cpm", "it begins with another scheme"],
    ["jdbc:postgresql://db/cpm", "it begins with another scheme"],
    ["db:5432/cpm", "it has no scheme, such as postgres://"],
    ["postgres:/cpm:secret@db/cpm", "it has no scheme, such as postgres://"],
    ['"postgres://cpm:secret@db/cpm"', "it begins with a quotation mark: remove the marks around it"],
    ["'Host=db;Database=cpm;Password=secret'", "it begins with a quotation mark: remove the marks around it"],
    ["Host=db;Username=cpm;Password=secret", "it names no database"],
    ["Database=cpm;Password=secret", "it names no host"],
    ['Host=db;Database=cpm;Password="se;cret', "a value with ; or a quotation mark must be in quotation marks"],
  ])("%s is named without the password", (text, problem) => {
    const [[setting, message] = []] = problemsOf({ DATABASE_URL: text, ...KEYS });
    expect([setting, message]).toEqual(["DATABASE_URL", expect.stringContaining(`: ${problem}`)]);
    expect(message).not.toMatch(/secret|se@|cret|corp|cr[/?]/);
  });

  test("may have blanks and a line break around it", () => {
    const { database } = readConfig(undefined, { DATABASE_URL: " postgres://cpm:secret@db/cpm\n", ...KEYS });
    expect(database).toMatchObject({ kind: "postgres", connection: { host: "db", database: "cpm" } });
  });
});

describe("PUBLIC_URL", () => {
  test.each([
    ["https://cpm.example.org", "https://cpm.example.org"],
    ["https://cpm.example.org/", "https://cpm.example.org"],
    ["https://CPM.example.org:443/registry//", "https://cpm.example.org/registry"],
    ["http://localhost:8080/a/b", "http://localhost:8080/a/b"],
  ])("PUBLIC_URL %s becomes %s", (text, publicUrl) => {
    expect(readConfig(undefined, { PUBLIC_URL: text }).publicUrl).toBe(publicUrl);
  });

  test("PUBLIC_URL follows PORT if left out", () => {
    expect(readConfig(undefined, { PORT: "8080" }).publicUrl).toBe("http://localhost:8080");
    expect(readConfig(undefined, { PORT: "80" }).publicUrl).toBe("http://localhost");
  });

  test.each([
    "cpm.example.org",
    "ftp://cpm.example.org",
    "https://me:pw@cpm.example.org",
    "https://a/?b=c",
    "https://a/#b",
  ])("PUBLIC_URL %s is refused", (text) => expect(refused({ PUBLIC_URL: text })).toEqual(["PUBLIC_URL"]));
});

describe("HOST", () => {
  test.each([
    ["[::]", "::"],
    ["::", "::"],
    ["[::1]", "::1"],
    ["[fe80::1%eth0]", "fe80::1%eth0"],
    ["192.0.2.7", "192.0.2.7"],
    ["localhost", "localhost"],
    ["cpm-1.example.org", "cpm-1.example.org"],
  ])("%s is %s", (text, host) => expect(readConfig(undefined, { HOST: text }).host).toBe(host));

  test.each([
    "[::1",
    "[127.0.0.1]",
    "::1:5000:zz",
    "0.0.0.0:5000",
    "http://0.0.0.0",
    "10.1",
    "256.0.0.1",
    "*",
    "a b",
    "-a",
  ])("the host %s is refused by the name of its setting", (text) => expect(refused({ HOST: text })).toEqual(["HOST"]));

  test.each<[string, boolean]>([
    ["0:0:0:0:0:0:0:1", false],
    ["[::1]", false],
    ["::ffff:127.0.0.1", false],
    ["127.0.0.9", false],
    ["::", true],
    ["::ffff:10.0.0.1", true],
    ["fe80::1%eth0", true],
  ])("links follow the client's address with the host %s: %s", (text, followsHost) =>
    expect(readConfig(undefined, { HOST: text }).followsHost).toBe(followsHost),
  );
});

describe("CORS_ORIGINS", () => {
  test("CORS_ORIGINS accepts exact origins, separated by commas", () => {
    const { corsOrigins } = readConfig(undefined, { CORS_ORIGINS: " https://a.example, http://localhost:3000 ,," });
    expect(corsOrigins).toEqual(["https://a.example", "http://localhost:3000"]);
  });

  test("* opens a public registry, and is refused for a private one", () => {
    expect(readConfig(undefined, { CORS_ORIGINS: "*" }).corsOrigins).toEqual(["*"]);
    expect(refused({ CORS_ORIGINS: "*", READ_ACCESS: "authenticated" })).toEqual(["CORS_ORIGINS"]);
  });

  test.each([
    "null",
    "a.example",
    "https://a.example/",
    "https://a.example/path",
    "https://*.a.example",
    "HTTPS://a.example",
    "https://a.example:443",
    "ftp://a.example",
  ])("the origin %s is refused", (origin) => expect(refused({ CORS_ORIGINS: origin })).toEqual(["CORS_ORIGINS"]));
});

describe("limits of archives", () => {
  const limits: [string, keyof Config["archiveLimits"], number, number][] = [
    ["ARCHIVE_MAX_BYTES", "compressedMaxBytes", 20 * 1024 ** 2, 100 * 1024 ** 2],
    ["ARCHIVE_UNPACKED_MAX_BYTES", "unpackedMaxBytes", 128 * 1024 ** 2, 128 * 1024 ** 2],
    ["ARCHIVE_ENTRIES_MAX", "entriesMax", 10_000, 10_000],
    ["MANIFEST_MAX_BYTES", "manifestMaxBytes", 256 * 1024, 256 * 1024],
  ];
  test.each(limits)("%s can be lowered to 1 and not raised above its hard maximum", (name, field, usual, hardMax) => {
    const read = (value: number) => readConfig(undefined, { [name]: String(value) }).archiveLimits[field];
    expect([read(1), read(usual), read(hardMax)]).toEqual([1, usual, hardMax]);
    for (const value of [0, hardMax + 1]) expect(refused({ [name]: String(value) })).toEqual([name]);
  });
});

describe("secrets", () => {
  const config = () => readConfig(undefined, { ...KEYS, DATABASE_URL: POSTGRES });

  test("secrets print as [redacted] in every way to print them", () => {
    const secret = new Secret("hunter2");
    const printed = [
      `${secret}`,
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: [secret] }, { showHidden: true, depth: null }),
      Bun.inspect({ deep: { secret } }),
      JSON.stringify(Object.entries(secret)),
      `${Object.assign(new Error("failed"), { secret }).secret}`,
    ];
    expect(printed.join("\n")).not.toContain("hunter2");
    expect(printed[0]).toBe("[redacted]");
    expect(secret.reveal()).toBe("hunter2");
  });

  test("a configuration can be printed without its secrets", () => {
    for (const printed of [inspect(config(), { depth: null }), Bun.inspect(config()), JSON.stringify(config())]) {
      expect(printed).toContain("[redacted]");
      expect(printed).toContain("db.example.org");
      expect(printed).not.toContain(KEY);
      expect(printed).not.toContain("secret@");
      expect(printed).not.toMatch(/password['"]?: ['"]?secret/);
    }
  });
});

describe("jwt.key", () => {
  const fresh = () => mkdtempSync(join(directory, "key-"));

  test("jwt.key is created once, with 48 bytes and mode 0600", () => {
    const dataDir = join(fresh(), "not", "there", "yet");
    const [key] = readOrMakeJwtKeys(dataDir).reveal();
    expect(jwtKeyProblem(key)).toBeUndefined();
    expect(Buffer.from(key, "base64").length).toBe(48);
    expect(statSync(join(dataDir, "jwt.key")).mode & 0o777).toBe(0o600);
    expect(readOrMakeJwtKeys(dataDir).reveal()).toEqual([key]);
    expect(readdirSync(dataDir)).toEqual(["jwt.key"]);
  });

  test("jwt.key is one key for processes that start at the same time", async () => {
    const dataDir = fresh();
    const module = resolve(import.meta.dir, "../../src/config/jwt-key.ts");
    const beginsMs = Date.now() + 1_000;
    const script = `const { readOrMakeJwtKeys } = await import(${JSON.stringify(module)});
      while (Date.now() < ${beginsMs}) {}
      console.log(readOrMakeJwtKeys(${JSON.stringify(dataDir)}).reveal()[0]);`;
    const starts = Array.from({ length: 4 }, async () => {
      const child = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
      return { key: (await new Response(child.stdout).text()).trim(), exitCode: await child.exited };
    });
    const made = await Promise.all(starts);
    const kept = readFileSync(join(dataDir, "jwt.key"), "utf8").trim();
    expect(made).toEqual(made.map(() => ({ key: kept, exitCode: 0 })));
    expect(readdirSync(dataDir)).toEqual(["jwt.key"]);
  });

  test("a weak jwt.key is refused with its path and without the key", () => {
    const dataDir = fresh();
    writeFileSync(join(dataDir, "jwt.key"), "hunter2\n");
    expect(() => readOrMakeJwtKeys(dataDir)).toThrow(`${join(dataDir, "jwt.key")} must be at least 32 bytes`);
    expect(() => readOrMakeJwtKeys(dataDir)).not.toThrow("hunter2");
  });
});
