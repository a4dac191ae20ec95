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
