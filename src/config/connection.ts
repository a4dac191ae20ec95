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

const TLS_MODES: ReadonlyMap<string, PostgresConnection["tls"]> = new Map([
  ["disable", "off"],
  ["allow", "prefer"],
  ["prefer", "prefer"],
  ["require", "require"],
  ["verifyca", "verify"],
  ["verifyfull", "verify"],
]);
const PORT_DEFAULT = 5432;

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

function fromUrl(text: string): PostgresConnection | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const database = decoded(url.pathname.slice(1));
  const username = decoded(url.username);
  const password = decoded(url.password);
  const port = portOf(url.port);
  const tls = tlsMode(url.searchParams.get("sslmode") ?? undefined);
  if (url.hostname === "" || !database || username === undefined || password === undefined) return undefined;
  if (port === undefined || tls === undefined) return undefined;
  const host = url.hostname.replaceAll(/^\[|\]$/g, "");
  return { host, port, database, username: username || "postgres", password: new Secret(password), tls };
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

function fromKeyValues(text: string): PostgresConnection | undefined {
  const pairs = keyValuePairs(text);
  if (pairs === undefined) return undefined;
  const first = (...keys: string[]) => keys.map((key) => pairs.get(key)).find((value) => value !== undefined);
  const host = first("host", "server");
  const database = first("database");
  const port = portOf(first("port"));
  const tls = tlsMode(first("sslmode"));
  if (!host || !database || port === undefined || tls === undefined) return undefined;
  const username = first("username", "userid", "user") ?? "postgres";
  return { host, port, database, username, password: new Secret(first("password", "pwd") ?? ""), tls };
}

/**
 * Reads `postgres://user:password@host:5432/database?sslmode=require` or the .NET form
 * `Host=…;Port=…;Database=…;Username=…;Password=…;SSL Mode=…`. Undefined when neither fits.
 */
export function parsePostgresConnection(text: string): PostgresConnection | undefined {
  return /^postgres(ql)?:\/\//i.test(text) ? fromUrl(text) : fromKeyValues(text);
}
