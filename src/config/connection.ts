import { Secret } from "./secret.ts";

/** How to reach Postgres, in the words of postgres.js. */
export interface PostgresConnection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: Secret<string>;
  /** `verify` checks the certificate, `require` only encrypts, `prefer` falls back to plain text, `off` never encrypts. */
  readonly tls: "verify" | "require" | "prefer" | "off";
}

const TLS_MODES: Readonly<Record<string, PostgresConnection["tls"]>> = {
  disable: "off",
  allow: "prefer",
  prefer: "prefer",
  require: "require",
  verifyca: "verify",
  verifyfull: "verify",
};

function tlsMode(text: string | undefined): PostgresConnection["tls"] | undefined {
  return TLS_MODES[(text ?? "prefer").toLowerCase().replaceAll(/[-_ ]/g, "")];
}

function fromUrl(text: string): PostgresConnection | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const database = decodeURIComponent(url.pathname.slice(1));
  const tls = tlsMode(url.searchParams.get("sslmode") ?? undefined);
  if (url.hostname === "" || database === "" || tls === undefined) return undefined;
  return {
    host: url.hostname.replaceAll(/^\[|\]$/g, ""),
    port: url.port === "" ? 5432 : Number(url.port),
    database,
    username: decodeURIComponent(url.username) || "postgres",
    password: new Secret(decodeURIComponent(url.password)),
    tls,
  };
}

/** Splits `Host=a;Password="b;c"` into folded keys and values; a quoted value may hold `;` and doubled quotes (ADO.NET's rule). */
function keyValuePairs(text: string): Map<string, string> | undefined {
  const pairs = new Map<string, string>();
  const part = /\s*([^=;]+?)\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[^;]*?)\s*(?:;|$)/y;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) return undefined;
    const raw = match[2] ?? "";
    const quote = raw[0];
    const quoted = (quote === '"' || quote === "'") && raw.length >= 2;
    const value = quoted ? raw.slice(1, -1).replaceAll(quote.repeat(2), quote) : raw;
    pairs.set((match[1] ?? "").toLowerCase().replaceAll(" ", ""), value);
    part.lastIndex = part.lastIndex || text.length;
  }
  return pairs;
}

function fromKeyValues(text: string): PostgresConnection | undefined {
  const pairs = keyValuePairs(text.replace(/;\s*$/, ""));
  if (pairs === undefined) return undefined;
  const first = (...keys: string[]) => keys.map((key) => pairs.get(key)).find((value) => value !== undefined);
  const host = first("host", "server");
  const database = first("database");
  const port = Number(first("port") ?? "5432");
  const tls = tlsMode(first("sslmode"));
  if (!host || !database || !Number.isInteger(port) || tls === undefined) return undefined;
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
