import { Secret } from "./secret.ts";

/** How to reach Postgres, in the terms of postgres.js. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: Secret<string>;
  /**
   * `verify` checks the certificate, `require` only encrypts, `prefer` falls back to plain text,
   * `off` never encrypts.
   */
  readonly tls: "verify" | "require" | "prefer" | "off";
}

/** What is wrong with a connection string. It repeats no part of the string. */
type Problem = string;

const TLS_MODES: ReadonlyMap<string, PostgresConnection["tls"]> = new Map([
  ["disable", "off"],
  ["allow", "prefer"],
  ["prefer", "prefer"],
  ["require", "require"],
  ["verifyca", "verify"],
  ["verifyfull", "verify"],
]);
const PORT_DEFAULT = 5432;
const NO_HOST = "it names no host";
const NO_DATABASE = "it names no database";
const WRONG_PORT = "its port is not a number from 1 to 65535";
const WRONG_TLS = "its sslmode is not one of disable, allow, prefer, require, verify-ca or verify-full";

function tlsMode(text: string | undefined): PostgresConnection["tls"] | undefined {
  return TLS_MODES.get((text ?? "prefer").toLowerCase().replaceAll(/[-_ ]/g, ""));
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return PORT_DEFAULT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/**
 * Undoes percent-encoding. Undefined if a `%` is not followed by two digits or the bytes are not
 * UTF-8.
 */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * Finds a special character in the user name or password, which splits a URL in the wrong place.
 * Part of the password would then count as the host, and be printed as such.
 */
function unescapedProblem(text: string): Problem | undefined {
  const [, authority = "", rest = ""] = /^[a-z]+:\/\/([^/?#]*)(.*)$/is.exec(text) ?? [];
  const user = authority.slice(0, Math.max(0, authority.lastIndexOf("@")));
  if (user.includes("@")) return "an @ in the user name or password must be written as %40";
  if (rest.includes("#") || /^(?:[^?]*|\?.*)@/s.test(rest))
    return "the characters @ / ? # in the user name or password must be written as %40 %2F %3F %23";
  if (decoded(user) === undefined) return "a % in the user name or password must be written as %25";
  return undefined;
}

function fromUrl(text: string): PostgresConnection | Problem {
  const unescaped = unescapedProblem(text);
  if (unescaped !== undefined) return unescaped;
  if (!URL.canParse(text)) return /^[a-z]+:\/\/([^/]*@)?[^/@]*:[^/@]*(\/|$)/i.test(text) ? WRONG_PORT : NO_HOST;
  const url = new URL(text);
  const database = decoded(url.pathname.slice(1));
  const username = decoded(url.username);
  const password = decoded(url.password);
  const port = portOf(url.port);
  const tls = tlsMode(url.searchParams.get("sslmode") ?? undefined);
  if (url.hostname === "") return NO_HOST;
  if (!database) return NO_DATABASE;
  if (port === undefined) return WRONG_PORT;
  if (tls === undefined) return WRONG_TLS;
  const host = url.hostname.replaceAll(/^\[|\]$/g, "");
  return { host, port, database, username: username || "postgres", password: new Secret(password ?? ""), tls };
}

/**
 * Splits `Host=a;Password="b;c"` into folded keys and values. A quoted value may contain `;` and
 * doubled quotes, as in ADO.NET.
 */
function keyValuePairs(text: string): Map<string, string> | undefined {
  const pairs = new Map<string, string>();
  const part = /[\s;]*([^=;]+?)\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|(?!["'])[^;]*?)\s*(?:;|$)/y;
  const end = text.replace(/[\s;]+$/, "").length;
  while (part.lastIndex < end) {
    const match = part.exec(text);
    if (match === null) return undefined;
    const raw = match[2] ?? "";
    const quote = /^["']/.exec(raw)?.[0];
    const value = quote === undefined ? raw : raw.slice(1, -1).replaceAll(quote.repeat(2), quote);
    pairs.set((match[1] ?? "").toLowerCase().replaceAll(" ", ""), value);
  }
  return pairs;
}

function fromKeyValues(text: string): PostgresConnection | Problem {
  // Files of `docker --env-file` keep the quotation marks that a shell removes.
  if (/^["'`]/.test(text)) return "it begins with a quotation mark: remove the marks around it";
  if (/^[a-z+:]+:\/\//i.test(text)) return "it begins with another scheme";
  if (!text.includes("=")) return "it has no scheme, such as postgres://";
  const pairs = keyValuePairs(text);
  if (pairs === undefined) return "a value with ; or a quotation mark must be in quotation marks";
  const first = (...keys: string[]) => keys.map((key) => pairs.get(key)).find((value) => value !== undefined);
  const host = first("host", "server");
  const database = first("database");
  const port = portOf(first("port"));
  const tls = tlsMode(first("sslmode"));
  if (!host) return NO_HOST;
  if (!database) return NO_DATABASE;
  if (port === undefined) return WRONG_PORT;
  if (tls === undefined) return WRONG_TLS;
  const username = first("username", "userid", "user") ?? "postgres";
  return { host, port, database, username, password: new Secret(first("password", "pwd") ?? ""), tls };
}

/**
 * Reads `postgres://user:password@host:5432/database?sslmode=require` or the .NET form
 * `Host=…;Port=…;Database=…;Username=…;Password=…;SSL Mode=…`. Returns what is wrong when neither
 * fits.
 */
export function parsePostgresConnection(padded: string): PostgresConnection | Problem {
  const text = padded.trim();
  return /^postgres(ql)?:\/\//i.test(text) ? fromUrl(text) : fromKeyValues(text);
}
