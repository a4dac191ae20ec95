import { Secret } from "./secret.ts";
import type { SettingReader } from "./setting-reader.ts";

/** Visible characters, because the token is sent in a header. */
const METRICS_TOKEN = /^[\x21-\x7e]{16,1000}$/;

/** Reads the bearer token of `/metrics`. Undefined if nobody may read them. */
export function readMetricsToken(reader: SettingReader): Secret<string> | undefined {
  const text = reader.text("METRICS_TOKEN");
  if (text === undefined) return undefined;
  if (!METRICS_TOKEN.test(text)) {
    const how = "Make one: openssl rand -base64 24";
    reader.reject("METRICS_TOKEN", `must be 16 to 1000 visible ASCII characters without spaces. ${how}`);
  }
  return new Secret(text);
}

/** Where spans are sent, and which. */
export interface TraceConfig {
  /** The address of the collector, without `/v1/traces` and without a slash at the end. */
  readonly endpoint: string;
  /** Sent with every request to the collector. They may hold its token. */
  readonly headers: Secret<Record<string, string>>;
  /** The share of the traces that begin here, from 0 to 1. */
  readonly ratio: number;
}

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS = "OTEL_EXPORTER_OTLP_HEADERS";
const RATIO = "OTEL_TRACES_SAMPLER_ARG";

/** Reads what OpenTelemetry's own variables say of traces. Undefined if none are sent. */
export function readTraces(reader: SettingReader): TraceConfig | undefined {
  const endpoint = URL.parse(reader.text(ENDPOINT) ?? "");
  const headers = readHeaders(reader);
  const ratio = readRatio(reader);
  if (reader.text(ENDPOINT) === undefined) return undefined;
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol)) {
    reader.reject(ENDPOINT, "must be the address of a collector for OTLP over HTTP, such as http://localhost:4318");
    return undefined;
  }
  return { endpoint: endpoint.href.replace(/\/+$/, ""), headers: new Secret(headers), ratio };
}

function readHeaders(reader: SettingReader): Record<string, string> {
  const pairs = reader.list(HEADERS).map((pair) => {
    const [, name = "", value = ""] = /^([\w-]+)\s*=\s*(.*)$/.exec(pair) ?? [];
    return [name, decoded(value)] as const;
  });
  const isWrong = pairs.some(([name, value]) => name === "" || value === undefined);
  if (isWrong) reader.reject(HEADERS, "must be a comma-separated list of <name>=<value>, with values percent-encoded");
  return Object.fromEntries(pairs.map(([name, value = ""]) => [name, value]));
}

function decoded(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function readRatio(reader: SettingReader): number {
  const text = reader.text(RATIO) ?? "1";
  const ratio = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (ratio >= 0 && ratio <= 1) return ratio;
  reader.reject(RATIO, "must be a number from 0 to 1, such as 0.1 for every tenth trace");
  return 1;
}
